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

/// How a text of category otp is shown and kept: whatever may be its code becomes `••••••`.
///
/// That is every run of letters and digits of any script that holds at least four digits, or a digit among at least
/// four characters; runs that single spaces, hyphens or dots join count as one (`123 456`, `123-456`).
pub fn masked_codes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_numeric) {
        let begin = rest[..start]
            .char_indices()
            .rev()
            .take_while(|(_, c)| is_of_code(*c))
            .last()
            .map_or(start, |(at, _)| at);
        let end = start + code_length(&rest[start..]);
        let (before, run, after) = (&rest[..begin], &rest[begin..end], &rest[end..]);
        shown.push_str(before);
        shown.push_str(if may_be_code(run) {
            "••••••"
        } else {
            run
        });
        rest = after;
    }
    shown + rest
}

/// Letters of a code are ASCII: in Chinese a code stands between words without a space.
fn is_of_code(character: char) -> bool {
    character.is_numeric() || character.is_ascii_alphabetic()
}

/// Octets of the run that begins `text`, joined runs included.
fn code_length(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    let mut end = 0;
    while let Some((at, character)) = characters.next() {
        let joins = matches!(character, ' ' | '-' | '.')
            && characters.peek().is_some_and(|(_, next)| next.is_numeric());
        if !joins && !is_of_code(character) {
            break;
        }
        end = at + character.len_utf8();
    }
    end
}

fn may_be_code(run: &str) -> bool {
    let digits = run.chars().filter(|c| c.is_numeric()).count();
    let mixed = run.chars().any(|c| c.is_ascii_alphabetic());
    digits >= 4 || (mixed && run.chars().filter(|c| is_of_code(*c)).count() >= 4)
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
        assert_eq!(masked_codes("验证码123456，10分钟"), "验证码••••••，10分钟");
        assert_eq!(masked_codes("123-456 or 123 456"), "•••••• or ••••••");
        assert_eq!(masked_codes("G-123456 it is"), "G-•••••• it is");
        assert_eq!(masked_codes("use A1B2C3!"), "use ••••••!");
        assert_eq!(masked_codes("код ١٢٣٤٥٦"), "код ••••••");
        assert_eq!(masked_codes("123456789012"), "••••••");
        assert_eq!(masked_codes("no code"), "no code");
    }
}
