//! A USSD code: what a phone asks its network with (27.007 §7.15).

use std::fmt;

/// A code such as `*100#`, or a reply such as `1`.
///
/// Digits, `*`, `#`, `+` and letters: nothing of it can end the quotes that it is written between.
#[derive(Clone, Eq, PartialEq)]
pub struct UssdCode(String);

/// The network takes 182 septets; codes are short, and a reply is not a letter.
const LONGEST_CODE: usize = 100;

impl UssdCode {
    pub fn parse(text: &str) -> Option<Self> {
        let is_sign = |octet: u8| octet.is_ascii_alphanumeric() || b"*#+".contains(&octet);
        let fits = (1..=LONGEST_CODE).contains(&text.len()) && text.bytes().all(is_sign);
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A voucher's number may be in it.
impl fmt::Debug for UssdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UssdCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_digits_signs_and_letters() {
        for code in [
            "*100#",
            "1",
            "#31#+4917",
            "*#06#",
            "ja",
            "*101*1234567890123456#",
        ] {
            assert!(UssdCode::parse(code).is_some(), "{code}");
        }
        let long = "1".repeat(LONGEST_CODE + 1);
        for code in [
            "",
            " ",
            "*100#\r",
            "*100#\",15\rAT+CMGS=1",
            "*1 0#",
            "é",
            "1;2",
            "\u{1a}",
            &long,
        ] {
            assert!(UssdCode::parse(code).is_none(), "{code:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_a_code_holds_what_ends_a_line_or_its_quotes(text in ".{0,120}") {
            if let Some(code) = UssdCode::parse(&text) {
                prop_assert!(code.as_str().bytes().all(|octet| octet.is_ascii_graphic()));
                prop_assert!(!code.as_str().contains(['"', ',', ';']));
            }
        }
    }
}
