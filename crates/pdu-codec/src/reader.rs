//! A place in a row of octets: every field is taken from the front, and a shortage is named.
//!
//! Not a parser: it knows how many octets a field wants, never what they mean.

use crate::error::{DecodeError, Malformed};

#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// Where the next octet stands.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// Everything that has not been taken.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn octet(&mut self, field: &str) -> Result<u8, DecodeError> {
        let [octet] = self.array(field)?;
        Ok(octet)
    }

    pub(crate) fn array<const N: usize>(&mut self, field: &str) -> Result<[u8; N], DecodeError> {
        let Some(taken) = self.rest().first_chunk::<N>() else {
            return Err(self.shortage(field, N));
        };
        self.at += N;
        Ok(*taken)
    }

    pub(crate) fn take(&mut self, count: usize, field: &str) -> Result<&'a [u8], DecodeError> {
        let Some(taken) = self.rest().get(..count) else {
            return Err(self.shortage(field, count));
        };
        self.at += count;
        Ok(taken)
    }

    fn shortage(&self, field: &str, wanted: usize) -> DecodeError {
        let left = self.rest().len();
        DecodeError::new(field, self.at, Malformed::TooShort { wanted, left })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_takes_nothing_and_says_what_is_missing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.octet("first"), Ok(1));
        let error = reader.take(7, "scts").unwrap_err();
        assert_eq!(
            alloc::string::ToString::to_string(&error),
            "scts at octet 1: 7 octets wanted, 2 octets left"
        );
        assert_eq!(reader.rest(), [2, 3]);
        assert_eq!(reader.at(), 1);
    }
}
