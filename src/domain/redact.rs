//! Personal data that cannot leak into a log by accident.

use std::fmt;

/// Wraps a number or a text: `Debug` and `Display` show its mask, [`Redacted::expose`] the value.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Redacted<T>(T);

/// How a value looks where people without a need to know may read it.
pub trait Mask {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T> Redacted<T> {
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Each call is a place where personal data leaves its wrapping.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Mask> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.mask(f)
    }
}

impl<T: Mask> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.mask(f)
    }
}

/// `+86138****8000`: the first six and the last four characters of a number; short ones only their length.
pub fn masked_number(number: &str) -> String {
    let visible = number.len() > 10 && number.is_ascii();
    if !visible {
        return "*".repeat(number.chars().count());
    }
    let (head, tail) = (&number[..6], &number[number.len() - 4..]);
    format!("{head}{}{tail}", "*".repeat(number.len() - 10))
}

/// Every run of 4 to 10 ASCII digits becomes `••••••`: how a text of category otp is shown.
pub fn masked_codes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut digits = String::new();
    for character in text.chars().chain(std::iter::once('\u{0}')) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        let is_code = (4..=10).contains(&digits.len());
        shown.push_str(if is_code {
            "••••••"
        } else {
            &digits
        });
        digits.clear();
        if character != '\u{0}' {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_shows_its_country_and_its_end() {
        assert_eq!(masked_number("+8613800138000"), "+86138****8000");
        assert_eq!(masked_number("10086"), "*****");
    }

    #[test]
    fn a_code_in_a_text_is_never_shown() {
        assert_eq!(masked_codes("Your code is 123456."), "Your code is ••••••.");
        assert_eq!(masked_codes("4711"), "••••••");
        assert_eq!(masked_codes("in 10 minutes"), "in 10 minutes");
        assert_eq!(masked_codes("验证码123456"), "验证码••••••");
    }
}
