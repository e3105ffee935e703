//! Whom a stored message was for: a destination, or what is left of one when it is forgotten (semantics §11).

use std::fmt;
use std::fmt::Write;

use super::redact::{Mask, masked_number};
use super::{Destination, Pepper};

/// The recipient of a message as it rests.
#[derive(Clone, Eq, PartialEq)]
pub enum Addressee {
    Known(Destination),
    /// A country and a keyed hash: the same number leaves the same word, and nobody reads the number from it.
    Forgotten(String),
}

/// Where the country is not known.
const NO_COUNTRY: &str = "ZZ";
/// Half of the HMAC: two numbers with the same word are not to be expected.
const HASH_OCTETS: usize = 16;

impl Addressee {
    /// What is left of `to`.
    pub fn forgotten(to: &Destination, pepper: &Pepper) -> Self {
        let mut word = format!("{}.", to.country().unwrap_or(NO_COUNTRY));
        for octet in &pepper.number_mac(to.as_str())[..HASH_OCTETS] {
            // Writing to a String does not fail.
            let _ = write!(word, "{octet:02x}");
        }
        Self::Forgotten(word)
    }

    pub fn stored(text: &str) -> Option<Self> {
        Destination::stored(text)
            .map(Self::Known)
            .or_else(|| is_word(text).then(|| Self::Forgotten(text.into())))
    }

    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(to) => to.as_str(),
            Self::Forgotten(word) => word,
        }
    }
}

fn is_word(text: &str) -> bool {
    text.split_once('.').is_some_and(|(country, hash)| {
        country.len() == 2
            && country.bytes().all(|b| b.is_ascii_uppercase())
            && hash.len() == 2 * HASH_OCTETS
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

impl fmt::Debug for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mask(f)
    }
}

impl Mask for Addressee {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked_number(self.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_number_is_recognised_and_not_read() {
        let number = |text| Destination::stored(text).unwrap();
        let pepper = Pepper::new(&[7; 32]);
        let word = |text| Addressee::forgotten(&number(text), &pepper);
        let one = word("+8613800138000");
        assert!(one.as_str().starts_with("CN."), "{}", one.as_str());
        assert!(!one.as_str().contains("138001"));
        assert_eq!(one, word("+8613800138000"));
        assert_ne!(one, word("+8613800138001"));
        assert!(word("12345").as_str().starts_with("ZZ."));
        let other = Pepper::new(&[8; 32]);
        assert_ne!(one, Addressee::forgotten(&number("+8613800138000"), &other));
        assert_eq!(Addressee::stored(one.as_str()), Some(one));
    }

    #[test]
    fn what_is_stored_is_a_number_or_a_word() {
        let known = Destination::stored("+8613800138000").map(Addressee::Known);
        assert_eq!(Addressee::stored("+8613800138000"), known);
        for text in [
            "",
            "CN.",
            "CN.xyz",
            "+86.00",
            "cn.00000000000000000000000000000000",
        ] {
            assert_eq!(Addressee::stored(text), None, "{text}");
        }
    }
}
