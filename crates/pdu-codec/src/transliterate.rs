//! Typographic characters as plain ones: quotes, dashes, the ellipsis and the no-break space.
//!
//! What a word processor puts in unasked, and what then costs a text its alphabet: one curly quote makes 160 characters
//! 70. Nothing else is touched: a letter without its accent is another word.
//!
//! Off unless asked for: no other function of this crate calls it.

use alloc::borrow::Cow;
use alloc::string::String;

/// The text with its typographic characters written plainly.
///
/// ```
/// use pdu_codec::plain_typography;
///
/// assert_eq!(plain_typography("“Wait…” – it’s 5\u{A0}€"), "\"Wait...\" - it's 5 €");
/// assert_eq!(plain_typography("naïve ы 😀"), "naïve ы 😀");
/// ```
pub fn plain_typography(text: &str) -> Cow<'_, str> {
    if text.chars().all(|character| plain(character).is_none()) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        match plain(character) {
            Some(plain) => written.push_str(plain),
            None => written.push(character),
        }
    }
    Cow::Owned(written)
}

/// What is written in the place of a typographic character.
fn plain(character: char) -> Option<&'static str> {
    Some(match character {
        // Single quotation marks, low, reversed, angled; the prime.
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{2039}' | '\u{203A}' => "'",
        // Double ones; the double prime.
        '\u{201C}'..='\u{201F}' | '\u{2033}' | '\u{AB}' | '\u{BB}' => "\"",
        // Hyphens, dashes, the horizontal bar, the minus sign.
        '\u{2010}'..='\u{2015}' | '\u{2212}' => "-",
        '\u{2026}' => "...",
        // No-break space, figure space, narrow no-break space.
        '\u{A0}' | '\u{2007}' | '\u{202F}' => " ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::{AlphabetChoice, ReferenceWidth, Split};
    use crate::{Alphabet, plain_typography};

    #[test]
    fn each_typographic_character_becomes_one_of_the_default_alphabet() {
        let table = [
            ("‘a’ ‚b‛ ′ ‹c›", "'a' 'b' ' 'c'"),
            ("“a” „b‟ ″ «c»", "\"a\" \"b\" \" \"c\""),
            ("a‐b‑c‒d–e—f―g−h", "a-b-c-d-e-f-g-h"),
            ("a…", "a..."),
            ("a\u{A0}b\u{2007}c\u{202F}d", "a b c d"),
        ];
        for (typographic, plain) in table {
            assert_eq!(plain_typography(typographic), plain);
            let split = Split::plan(plain, AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
            assert_eq!(split.alphabet(), Alphabet::Gsm7, "{plain}");
        }
    }

    #[test]
    fn everything_else_stays_and_costs_no_copy() {
        for text in ["", "plain \"text\" - it's", "ÀÇñ ş 你好 😀", "`´¨ · ·"] {
            assert!(matches!(plain_typography(text), Cow::Borrowed(same) if same == text));
        }
    }
}
