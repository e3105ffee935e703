//! A text as callers give it: folded, measured, wrapped so that it does not leak (semantics §3).

use std::fmt;

use pdu_codec::{AlphabetChoice, ReferenceWidth, Split, Stranger};

use super::redact::{Mask, Redacted};

/// A text that may be sent: CR LF and CR are LF, no control character but LF and TAB, not empty.
#[derive(Clone, Eq, PartialEq)]
pub struct Body(Redacted<Text>);

#[derive(Clone, Eq, PartialEq)]
struct Text(String);

impl Mask for Text {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹{} chars›", self.0.chars().count())
    }
}

/// Why a text cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidText {
    #[error("the text is empty")]
    Empty,
    #[error(
        "the text holds the control character U+{character:04X} at character {at}; only line feed and tab are text"
    )]
    ControlCharacter { character: u32, at: usize },
}

impl Body {
    /// # Errors
    /// [`InvalidText`] says which character, counted from 0.
    pub fn parse(raw: &str) -> Result<Self, InvalidText> {
        let folded = raw.replace("\r\n", "\n").replace('\r', "\n");
        if folded.is_empty() {
            return Err(InvalidText::Empty);
        }
        let control = folded
            .chars()
            .enumerate()
            .find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\t'));
        match control {
            Some((at, character)) => Err(InvalidText::ControlCharacter {
                character: character.into(),
                at,
            }),
            None => Ok(Self(Redacted::new(Text(folded)))),
        }
    }

    /// A text that this gateway stored itself.
    pub fn stored(text: String) -> Self {
        Self(Redacted::new(Text(text)))
    }

    /// The text. Personal data: leaves here for encoding and for the caller who owns it.
    pub fn expose(&self) -> &str {
        &self.0.expose().0
    }

    /// The text as it goes on air: TAB is in no GSM alphabet and is sent as a space.
    pub fn on_air(&self) -> String {
        self.expose().replace('\t', " ")
    }

    /// Whether it goes in UCS-2 with this alphabet asked for: it must, or it is wished.
    pub fn is_ucs2(&self, encoding: Encoding) -> bool {
        let is_unencodable = self.plan(Encoding::Gsm7, ReferenceWidth::Eight).is_err();
        encoding == Encoding::Ucs2 || is_unencodable
    }

    /// Measures the text without encoding it.
    ///
    /// # Errors
    /// [`NotEncodable`](pdu_codec::NotEncodable) when `gsm7` is asked for and the text holds other characters.
    pub fn plan(
        &self,
        encoding: Encoding,
        width: ReferenceWidth,
    ) -> Result<Plan, pdu_codec::NotEncodable> {
        let on_air = self.on_air();
        Ok(Plan::of(&Split::plan(&on_air, encoding.choice(), width)?))
    }

    /// What the text would come to if it were sent, and what made it so.
    pub fn preview(&self, width: ReferenceWidth) -> Preview {
        let on_air = self.on_air();
        // Only a demand for GSM 7 bit can be refused, and none is made.
        let Ok(split) = Split::plan(&on_air, AlphabetChoice::Auto, width) else {
            unreachable!("every text has an alphabet when it may choose")
        };
        Preview {
            plan: Plan::of(&split),
            units: split.pieces().iter().map(|piece| piece.units).sum(),
            units_left: split.units_left(),
            forced_by: split.forced_by(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What a text comes to: never `Auto`, and how many parts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Plan {
    pub encoding: Encoding,
    pub parts: usize,
}

impl Plan {
    fn of(split: &Split<'_>) -> Self {
        Self {
            encoding: match split.alphabet() {
                pdu_codec::Alphabet::Ucs2 => Encoding::Ucs2,
                _ => Encoding::Gsm7,
            },
            parts: split.parts(),
        }
    }
}

/// What a text would come to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Preview {
    pub plan: Plan,
    /// Of the whole text: septets or UTF-16 units.
    pub units: usize,
    /// For which the last part still has room.
    pub units_left: usize,
    /// The characters that are not in the GSM 7-bit alphabet, each once, where it stands first.
    pub forced_by: Vec<Stranger>,
}

/// The alphabet a caller asks for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Encoding {
    Auto,
    Gsm7,
    Ucs2,
}

impl Encoding {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        [Self::Auto, Self::Gsm7, Self::Ucs2]
            .into_iter()
            .find(|one| one.as_str() == word)
    }

    pub fn choice(self) -> AlphabetChoice {
        match self {
            Self::Auto => AlphabetChoice::Auto,
            Self::Gsm7 => AlphabetChoice::Gsm7,
            Self::Ucs2 => AlphabetChoice::Ucs2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_folded_and_everything_else_is_kept() {
        let body = Body::parse("a\r\nb\rc\n\t\"AT+CFUN=0\"").unwrap();
        assert_eq!(body.expose(), "a\nb\nc\n\t\"AT+CFUN=0\"");
    }

    #[test]
    fn control_characters_are_refused_by_name() {
        for (raw, character, at) in [
            ("a\u{0}", 0x00, 1),
            ("\u{1b}x", 0x1b, 0),
            ("ab\u{1a}", 0x1a, 2),
            ("\u{c}", 0x0c, 0),
            ("\u{85}", 0x85, 0),
        ] {
            assert_eq!(
                Body::parse(raw),
                Err(InvalidText::ControlCharacter { character, at })
            );
        }
        assert_eq!(Body::parse(""), Err(InvalidText::Empty));
    }

    #[test]
    fn a_text_does_not_show_itself_in_a_log() {
        let body = Body::parse("code 123456").unwrap();
        assert_eq!(format!("{body:?}"), "‹11 chars›");
    }

    #[test]
    fn a_plan_names_the_alphabet_and_counts_the_parts() {
        let plan = |text: &str, encoding| {
            Body::parse(text)
                .unwrap()
                .plan(encoding, ReferenceWidth::Eight)
        };
        let (gsm7, ucs2) = (Encoding::Gsm7, Encoding::Ucs2);
        for (text, asked, encoding, parts) in [
            ("hello".to_owned(), Encoding::Auto, gsm7, 1),
            ("tab\there".to_owned(), Encoding::Auto, gsm7, 1),
            ("你好".to_owned(), Encoding::Auto, ucs2, 1),
            ("x".repeat(161), Encoding::Auto, gsm7, 2),
            ("x".repeat(71), Encoding::Ucs2, ucs2, 2),
        ] {
            assert_eq!(plan(&text, asked), Ok(Plan { encoding, parts }), "{text}");
        }
        assert!(plan("你", Encoding::Gsm7).is_err());
    }

    #[test]
    fn a_text_goes_in_ucs2_when_it_must_or_when_that_is_wished() {
        for (text, encoding, is_ucs2) in [
            ("tab\t€", Encoding::Auto, false),
            ("hello", Encoding::Ucs2, true),
            ("你好", Encoding::Auto, true),
        ] {
            assert_eq!(
                Body::parse(text).unwrap().is_ucs2(encoding),
                is_ucs2,
                "{text}"
            );
        }
    }

    #[test]
    fn a_preview_says_what_is_left_and_what_made_it_so() {
        let preview = |text: &str| Body::parse(text).unwrap().preview(ReferenceWidth::Eight);
        let plain = preview(&format!("{}€", "x".repeat(160)));
        assert_eq!(
            (plain.plan.parts, plain.units, plain.units_left),
            (2, 162, 144)
        );
        assert_eq!(plain.forced_by, []);
        let typographic = preview("it’s\there – it’s");
        assert_eq!(typographic.plan.encoding, Encoding::Ucs2);
        assert_eq!((typographic.units, typographic.units_left), (16, 54));
        let forced = typographic.forced_by.iter();
        let forced: Vec<_> = forced.map(|one| (one.character, one.at)).collect();
        assert_eq!(forced, [('’', 2), ('–', 10)]);
    }
}
