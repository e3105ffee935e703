//! **Draw**: ids that look like the providers', from a seed.

use crate::hash::{hex, sha256};

#[derive(Debug)]
pub(crate) struct Draw {
    seed: u64,
    drawn: u64,
}

impl Draw {
    pub(crate) fn from(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// 64 hexadecimal digits that were not drawn before.
    fn next(&mut self) -> String {
        self.drawn += 1;
        hex(&sha256(format!("{}/{}", self.seed, self.drawn).as_bytes()))
    }

    /// Lower-case hexadecimal digits, at most 64.
    pub(crate) fn hexadecimal(&mut self, length: usize) -> String {
        let mut digits = self.next();
        digits.truncate(length);
        digits
    }

    /// Decimal digits, at most 64; the first is not zero.
    pub(crate) fn decimal(&mut self, length: usize) -> String {
        let digits = self.next();
        let decimal = digits.bytes().take(length).enumerate().map(|(at, octet)| {
            let value = match octet {
                b'0'..=b'9' => octet - b'0',
                _ => octet - b'a',
            };
            let value = if at == 0 { value.max(1) } else { value };
            char::from(b'0' + value)
        });
        decimal.collect()
    }

    /// In the form of a UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let digits = self.next();
        let (a, b, c, d, e) = (
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..32],
        );
        format!("{a}-{b}-{c}-{d}-{e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_nothing_is_drawn_twice() {
        let (mut one, mut other) = (Draw::from(7), Draw::from(7));
        let first = one.decimal(18);
        assert_eq!(first, other.decimal(18));
        assert_eq!(first.len(), 18);
        assert!(!first.starts_with('0'));
        assert_ne!(first, one.decimal(18));
        assert_eq!(one.uuid().len(), 36);
    }
}
