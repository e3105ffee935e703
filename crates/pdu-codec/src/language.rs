//! National languages of the GSM 7 bit alphabet (23.038 §6.2.1.2): which tables a text may use besides the default.
//!
//! Not here: the tables themselves, see `gsm7`; which language a text is in: that is the caller's to say.

use crate::gsm7::national;

/// A language with tables of its own (23.038 §6.2.1.2.4).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
#[repr(u8)]
#[allow(missing_docs, reason = "each is what its name says")]
pub enum Language {
    Turkish = 1,
    Spanish = 2,
    Portuguese = 3,
    Bengali = 4,
    Gujarati = 5,
    Hindi = 6,
    Kannada = 7,
    Malayalam = 8,
    Oriya = 9,
    Punjabi = 10,
    Tamil = 11,
    Telugu = 12,
    Urdu = 13,
}

impl Language {
    /// All of them, in the order of their identifiers.
    pub const ALL: [Self; 13] = [
        Self::Turkish,
        Self::Spanish,
        Self::Portuguese,
        Self::Bengali,
        Self::Gujarati,
        Self::Hindi,
        Self::Kannada,
        Self::Malayalam,
        Self::Oriya,
        Self::Punjabi,
        Self::Tamil,
        Self::Telugu,
        Self::Urdu,
    ];

    /// The language of a national language identifier; `None` for one that has no tables.
    pub fn of(identifier: u8) -> Option<Self> {
        let at = usize::from(identifier).checked_sub(1)?;
        Self::ALL.get(at).copied()
    }

    /// The national language identifier, 1 to 13.
    pub const fn identifier(self) -> u8 {
        self as u8
    }

    /// The table that a locking shift puts in the place of the default alphabet; Spanish has none.
    pub(crate) fn main(self) -> Option<&'static [char; 128]> {
        Some(match self {
            Self::Turkish => &national::TURKISH_MAIN,
            Self::Spanish => return None,
            Self::Portuguese => &national::PORTUGUESE_MAIN,
            Self::Bengali => &national::BENGALI_MAIN,
            Self::Gujarati => &national::GUJARATI_MAIN,
            Self::Hindi => &national::HINDI_MAIN,
            Self::Kannada => &national::KANNADA_MAIN,
            Self::Malayalam => &national::MALAYALAM_MAIN,
            Self::Oriya => &national::ORIYA_MAIN,
            Self::Punjabi => &national::PUNJABI_MAIN,
            Self::Tamil => &national::TAMIL_MAIN,
            Self::Telugu => &national::TELUGU_MAIN,
            Self::Urdu => &national::URDU_MAIN,
        })
    }

    /// The table that a single shift puts in the place of the default extension table.
    pub(crate) fn extension(self) -> &'static [char; 128] {
        match self {
            Self::Turkish => &national::TURKISH_EXTENSION,
            Self::Spanish => &national::SPANISH_EXTENSION,
            Self::Portuguese => &national::PORTUGUESE_EXTENSION,
            Self::Bengali => &national::BENGALI_EXTENSION,
            Self::Gujarati => &national::GUJARATI_EXTENSION,
            Self::Hindi => &national::HINDI_EXTENSION,
            Self::Kannada => &national::KANNADA_EXTENSION,
            Self::Malayalam => &national::MALAYALAM_EXTENSION,
            Self::Oriya => &national::ORIYA_EXTENSION,
            Self::Punjabi => &national::PUNJABI_EXTENSION,
            Self::Tamil => &national::TAMIL_EXTENSION,
            Self::Telugu => &national::TELUGU_EXTENSION,
            Self::Urdu => &national::URDU_EXTENSION,
        }
    }
}

/// Which of a language's two tables a text uses.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Shift {
    /// The extension table: a national character takes two septets, the others what they always take.
    #[default]
    Single,
    /// The main table: a national character takes one septet, but some of the default ones are not there.
    Locking,
    /// Both tables.
    Both,
}

/// The tables of one language that a text of ours may use when the default alphabet does not hold it.
///
/// ```
/// use pdu_codec::{Language, NationalTables, Shift};
///
/// assert!(NationalTables::new(Language::Turkish, Shift::Locking).is_some());
/// assert!(NationalTables::new(Language::Spanish, Shift::Single).is_some());
/// assert!(NationalTables::new(Language::Spanish, Shift::Locking).is_none());
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NationalTables {
    language: Language,
    shift: Shift,
}

impl NationalTables {
    /// `None` when the language lacks the table: Spanish has none for a locking shift (23.038 §A.3.2).
    pub fn new(language: Language, shift: Shift) -> Option<Self> {
        let there = shift == Shift::Single || language.main().is_some();
        there.then_some(Self { language, shift })
    }

    /// The language of the extension table, when that is replaced.
    pub fn single_shift(self) -> Option<Language> {
        matches!(self.shift, Shift::Single | Shift::Both).then_some(self.language)
    }

    /// The language of the main table, when that is replaced.
    pub fn locking_shift(self) -> Option<Language> {
        matches!(self.shift, Shift::Locking | Shift::Both).then_some(self.language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_found_by_its_identifier() {
        for language in Language::ALL {
            assert_eq!(Language::of(language.identifier()), Some(language));
        }
        assert_eq!(Language::of(0), None);
        assert_eq!(Language::of(14), None);
        assert_eq!(Language::of(1), Some(Language::Turkish));
        assert_eq!(Language::of(13), Some(Language::Urdu));
    }

    /// One character of each table that the table before and the default do not have in its place (23.038 annex A).
    #[test]
    fn each_language_has_its_own_tables() {
        let table = [
            (Language::Turkish, 0x07, Some('ı'), 0x53, 'Ş'),
            (Language::Spanish, 0x07, None, 0x49, 'Í'),
            (Language::Portuguese, 0x15, Some('∞'), 0x12, 'Φ'),
            (Language::Bengali, 0x10, Some('ঐ'), 0x19, '০'),
            (Language::Gujarati, 0x10, Some('ઐ'), 0x1C, '૦'),
            (Language::Hindi, 0x10, Some('ऐ'), 0x1C, '०'),
            (Language::Kannada, 0x24, Some('ಡ'), 0x1C, '೦'),
            (Language::Malayalam, 0x10, Some('ഐ'), 0x1C, '൦'),
            (Language::Oriya, 0x10, Some('ଐ'), 0x1C, '୦'),
            (Language::Punjabi, 0x10, Some('ਐ'), 0x1C, '੦'),
            (Language::Tamil, 0x10, Some('ஐ'), 0x24, '௮'),
            (Language::Telugu, 0x10, Some('ఐ'), 0x22, '౬'),
            (Language::Urdu, 0x10, Some('ث'), 0x1C, '۰'),
        ];
        for (language, at, main, shifted, extension) in table {
            let found = language.main().map(|table| table[at]);
            assert_eq!(found, main, "{language:?}");
            assert_eq!(language.extension()[shifted], extension, "{language:?}");
        }
    }

    #[test]
    fn a_shift_names_the_tables_that_it_replaces() {
        let turkish = |shift| NationalTables::new(Language::Turkish, shift).unwrap();
        let both = Some(Language::Turkish);
        for (shift, single, locking) in [
            (Shift::Single, both, None),
            (Shift::Locking, None, both),
            (Shift::Both, both, both),
        ] {
            assert_eq!(turkish(shift).single_shift(), single);
            assert_eq!(turkish(shift).locking_shift(), locking);
        }
        assert_eq!(NationalTables::new(Language::Spanish, Shift::Both), None);
    }
}
