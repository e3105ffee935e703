//! One-time codes: drawn without bias, read from what a person typed, remembered only as a keyed hash (semantics §7).

use std::fmt;
use std::ops::RangeInclusive;

use subtle::ConstantTimeEq;

/// A code as it is sent or typed. It shows itself to nobody but [`Code::expose`].
#[derive(Clone, Eq, PartialEq)]
pub struct Code(String);

/// HMAC-SHA256(pepper, verification id ‖ 0x00 ‖ code): what is kept of a code.
#[derive(Clone, Copy)]
pub struct CodeMac(pub [u8; 32]);

/// Digits a code may have.
pub const DIGITS: RangeInclusive<u8> = 4..=10;

impl Code {
    /// Uniform over all codes of so many digits (see [`DIGITS`]). `random` gives independent uniform numbers from the
    /// system's own source; numbers that would favour some codes are thrown away.
    pub fn draw(digits: u8, mut random: impl FnMut() -> u64) -> Self {
        let codes = 10u64.pow(u32::from(digits));
        // The largest multiple of `codes` that a u64 can hold: below it every code is as likely.
        let fair = u64::MAX - u64::MAX % codes;
        let drawn = loop {
            let number = random();
            if number < fair {
                break number % codes;
            }
        };
        Self(format!("{drawn:0width$}", width = usize::from(digits)))
    }

    /// As a person typed it: surrounding spaces, single inner spaces and hyphens do not count, full-width digits do.
    /// What else it holds stays, and is wrong.
    pub fn typed(raw: &str) -> Self {
        let mut folded = String::with_capacity(raw.len());
        let mut characters = raw.trim().chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '-' => {}
                ' ' if characters.peek() != Some(&' ') && !folded.ends_with(' ') => {}
                '０'..='９' => {
                    let value = u32::from(character) - u32::from('０');
                    folded.extend(char::from_digit(value, 10));
                }
                other => folded.push(other),
            }
        }
        Self(folded)
    }

    /// The digits. They leave here for the text that is sent and for the hash that is kept.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(••••••)")
    }
}

impl CodeMac {
    /// Takes the same time wherever the two differ.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for CodeMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeMac(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_its_leading_zeros() {
        assert_eq!(Code::draw(6, || 42).expose(), "000042");
        assert_eq!(Code::draw(4, || 10_000).expose(), "0000");
        assert_eq!(Code::draw(10, || 9_999_999_999).expose(), "9999999999");
    }

    #[test]
    fn a_number_that_would_favour_some_codes_is_drawn_again() {
        let mut numbers = [u64::MAX, u64::MAX - 1, 7].into_iter();
        // 2^64 is no multiple of 10^6: what is left over at its end is thrown away.
        assert_eq!(Code::draw(6, || numbers.next().unwrap()).expose(), "000007");
        let fair = u64::MAX - u64::MAX % 1_000_000;
        let mut numbers = [fair, fair - 1].into_iter();
        assert_eq!(Code::draw(6, || numbers.next().unwrap()).expose(), "999999");
    }

    #[test]
    fn what_people_type_around_a_code_does_not_count() {
        for (typed, meant) in [
            ("123456", "123456"),
            ("  123456\n", "123456"),
            ("123 456", "123456"),
            ("123-456", "123456"),
            ("1 2 3 4 5 6", "123456"),
            ("１２３４５６", "123456"),
            ("12a456", "12a456"),
            ("", ""),
        ] {
            assert_eq!(Code::typed(typed).expose(), meant, "{typed:?}");
        }
        assert_ne!(Code::typed("123  456").expose(), "123456");
    }

    #[test]
    fn a_code_does_not_show_itself() {
        assert_eq!(format!("{:?}", Code::draw(6, || 1)), "Code(••••••)");
        assert_eq!(format!("{:?}", CodeMac([1; 32])), "CodeMac(…)");
        assert!(CodeMac([1; 32]).is(&CodeMac([1; 32])));
        assert!(!CodeMac([1; 32]).is(&CodeMac([2; 32])));
    }
}
