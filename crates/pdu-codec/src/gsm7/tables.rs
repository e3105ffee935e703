//! Which septet is which character: the default tables (23.038 §6.2.1, §6.2.1.1), and the pair that a text uses.
//!
//! A locking shift replaces the main table, a single shift the extension table; [`Tables::named_by`] chooses them for
//! what is read, [`Tables::of`] for what is written. The tables of the languages are in `national`.

use crate::language::{Language, NationalTables};

/// The septet that takes the next one from the extension table.
pub(crate) const ESCAPE: u8 = 0x1B;

/// A place of an extension table that holds nothing. U+0000 is in no table.
pub(super) const VOID: char = '\0';

/// The two tables in force for a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables {
    main: &'static [char; 128],
    extension: &'static [char; 128],
}

/// How a character is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    Main(u8),
    Extension(u8),
}

impl Code {
    /// How many septets it takes, the escape included.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Main(_) => 1,
            Self::Extension(_) => 2,
        }
    }
}

impl Tables {
    pub(crate) const DEFAULT: Self = Self {
        main: &DEFAULT_MAIN,
        extension: &DEFAULT_EXTENSION,
    };

    /// The tables that a user data header asks for (23.040 §9.2.3.24.15, §9.2.3.24.16).
    ///
    /// An identifier that is not known changes nothing.
    pub(crate) fn named_by(single_shift: Option<u8>, locking_shift: Option<u8>) -> Self {
        let language = |identifier: Option<u8>| identifier.and_then(Language::of);
        Self {
            main: language(locking_shift)
                .and_then(Language::main)
                .unwrap_or(&DEFAULT_MAIN),
            extension: language(single_shift).map_or(&DEFAULT_EXTENSION, Language::extension),
        }
    }

    /// The tables of a text of ours.
    pub(crate) fn of(national: Option<NationalTables>) -> Self {
        national.map_or(Self::DEFAULT, |national| {
            let identifier = |language: Language| language.identifier();
            Self::named_by(
                national.single_shift().map(identifier),
                national.locking_shift().map(identifier),
            )
        })
    }

    /// Whether no language has a part in it.
    #[inline]
    pub(crate) fn are_default(self) -> bool {
        core::ptr::eq(self.main, &DEFAULT_MAIN) && core::ptr::eq(self.extension, &DEFAULT_EXTENSION)
    }

    /// The character of a septet.
    #[inline]
    pub(super) fn main(self, septet: u8) -> char {
        self.main[usize::from(septet & 0x7F)]
    }

    /// The character of a septet behind an escape, where the table holds one.
    #[inline]
    pub(super) fn extension(self, septet: u8) -> Option<char> {
        Some(self.extension[usize::from(septet & 0x7F)]).filter(|held| *held != VOID)
    }

    /// How a character is written: where both tables hold it, with one septet.
    #[inline]
    pub(crate) fn code(self, character: char) -> Option<Code> {
        let usual = usual_code(character);
        if self.are_default() {
            return usual;
        }
        self.national_code(character, usual)
    }

    /// Most characters stand where the default tables have them; the others are searched for.
    fn national_code(self, character: char, usual: Option<Code>) -> Option<Code> {
        let (main, extension) = (self.main, self.extension);
        if let Some(Code::Main(code)) = usual
            && main[usize::from(code)] == character
        {
            return usual;
        }
        // A space is also shown for the void places of a main table, U+0000 marks those of an extension table.
        if character == ' ' || character == VOID {
            return None;
        }
        let place = |table: &[char; 128]| {
            let at = table.iter().position(|&held| held == character)?;
            u8::try_from(at).ok()
        };
        place(main)
            .map(Code::Main)
            .or_else(|| place(extension).map(Code::Extension))
    }
}

/// How a character of the default tables is written.
#[inline]
fn usual_code(character: char) -> Option<Code> {
    static CODES: [u8; 256] = LATIN_1;
    let packed = match CODES.get(character as usize) {
        Some(packed) => *packed,
        None if character == '€' => EXTENDED | 0x65,
        None => {
            let (septet, _) = GREEK.iter().find(|(_, greek)| *greek == character)?;
            *septet
        }
    };
    match packed {
        NONE => None,
        packed if packed & EXTENDED == 0 => Some(Code::Main(packed)),
        packed => Some(Code::Extension(packed & !EXTENDED)),
    }
}

/// 23.038 §6.2.1. The escape's own place shows a space, as its note 1 says.
#[rustfmt::skip]
pub(super) static DEFAULT_MAIN: [char; 128] = MAIN;
#[rustfmt::skip]
const MAIN: [char; 128] = [
    '@',  '£',  '$',  '¥',  'è',  'é',  'ù',  'ì',  'ò',  'Ç',  '\n', 'Ø',  'ø',  '\r', 'Å',  'å',
    'Δ',  '_',  'Φ',  'Γ',  'Λ',  'Ω',  'Π',  'Ψ',  'Σ',  'Θ',  'Ξ',  ' ',  'Æ',  'æ',  'ß',  'É',
    ' ',  '!',  '"',  '#',  '¤',  '%',  '&',  '\'', '(',  ')',  '*',  '+',  ',',  '-',  '.',  '/',
    '0',  '1',  '2',  '3',  '4',  '5',  '6',  '7',  '8',  '9',  ':',  ';',  '<',  '=',  '>',  '?',
    '¡',  'A',  'B',  'C',  'D',  'E',  'F',  'G',  'H',  'I',  'J',  'K',  'L',  'M',  'N',  'O',
    'P',  'Q',  'R',  'S',  'T',  'U',  'V',  'W',  'X',  'Y',  'Z',  'Ä',  'Ö',  'Ñ',  'Ü',  '§',
    '¿',  'a',  'b',  'c',  'd',  'e',  'f',  'g',  'h',  'i',  'j',  'k',  'l',  'm',  'n',  'o',
    'p',  'q',  'r',  's',  't',  'u',  'v',  'w',  'x',  'y',  'z',  'ä',  'ö',  'ñ',  'ü',  'à',
];

/// 23.038 §6.2.1.1.
pub(super) static DEFAULT_EXTENSION: [char; 128] = EXTENSION;
pub(super) const EXTENSION: [char; 128] = {
    let mut extension = [VOID; 128];
    extension[0x0A] = '\u{C}';
    extension[0x14] = '^';
    extension[0x28] = '{';
    extension[0x29] = '}';
    extension[0x2F] = '\\';
    extension[0x3C] = '[';
    extension[0x3D] = '~';
    extension[0x3E] = ']';
    extension[0x40] = '|';
    extension[0x65] = '€';
    extension
};

/// The characters of the main table that are not Latin-1.
const GREEK: [(u8, char); 10] = [
    (0x10, 'Δ'),
    (0x12, 'Φ'),
    (0x13, 'Γ'),
    (0x14, 'Λ'),
    (0x15, 'Ω'),
    (0x16, 'Π'),
    (0x17, 'Ψ'),
    (0x18, 'Σ'),
    (0x19, 'Θ'),
    (0x1A, 'Ξ'),
];

/// Marks a septet of the extension table in [`LATIN_1`].
const EXTENDED: u8 = 0x80;
/// The mark of a character that is in neither table; the extension table has no place 7F.
const NONE: u8 = 0xFF;

/// Both tables turned round for the first 256 characters of Unicode, so that a long text costs one look each.
const LATIN_1: [u8; 256] = {
    let mut codes = [NONE; 256];
    let mut septet: u8 = 0;
    while septet < 128 {
        let (main, extension) = (
            MAIN[septet as usize] as usize,
            EXTENSION[septet as usize] as usize,
        );
        if main < 256 && septet != ESCAPE {
            codes[main] = septet;
        }
        if extension < 256 && extension != VOID as usize {
            codes[extension] = EXTENDED | septet;
        }
        septet += 1;
    }
    codes
};

/// The septet of each octet of text that is a character of the default main table; else the highest bit is set.
pub(super) static PLAIN: [u8; 256] = PLAIN_SEPTETS;
const PLAIN_SEPTETS: [u8; 256] = {
    let mut plain = [NONE; 256];
    let mut octet = 0;
    while octet < 128 {
        plain[octet] = LATIN_1[octet];
        octet += 1;
    }
    plain
};

/// The octet of text of each septet that is ASCII in the default main table; else the highest bit is set.
pub(super) static ASCII: [u8; 128] = {
    let mut ascii = [NONE; 128];
    let mut octet: u8 = 0;
    while octet < 128 {
        let septet = PLAIN_SEPTETS[octet as usize];
        if septet & EXTENDED == 0 {
            ascii[septet as usize] = octet;
        }
        octet += 1;
    }
    ascii
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_septet_but_the_escape_is_written_as_it_is_read() {
        for septet in (0..128).filter(|septet| *septet != ESCAPE) {
            let character = DEFAULT_MAIN[usize::from(septet)];
            assert_eq!(
                Tables::DEFAULT.code(character),
                Some(Code::Main(septet)),
                "{character}"
            );
            let extended = DEFAULT_EXTENSION[usize::from(septet)];
            if extended != VOID {
                let code = Some(Code::Extension(septet));
                assert_eq!(Tables::DEFAULT.code(extended), code, "{extended}");
            }
        }
    }

    #[test]
    fn look_alikes_are_not_taken_for_each_other() {
        for character in [
            'Α', 'Β', '`', 'ç', '\t', '\0', '\u{1B}', '\u{A0}', '’', 'А', '😀',
        ] {
            assert_eq!(Tables::DEFAULT.code(character), None, "{character:?}");
        }
    }

    #[test]
    fn a_language_is_written_as_it_is_read_and_with_one_septet_where_that_is_enough() {
        for identifier in 1..=13 {
            for (single, locking) in [
                (Some(identifier), None),
                (None, Some(identifier)),
                (Some(identifier), Some(identifier)),
            ] {
                let tables = Tables::named_by(single, locking);
                let (main, extension) = (tables.main, tables.extension);
                for septet in (0..128_u8).filter(|septet| *septet != ESCAPE) {
                    let at = usize::from(septet);
                    // The same character may stand twice; it comes back whichever place it is written to.
                    let code = tables.code(main[at]);
                    assert!(
                        matches!(code, Some(Code::Main(to)) if main[usize::from(to)] == main[at])
                    );
                    if extension[at] != VOID {
                        let read = match tables.code(extension[at]) {
                            Some(Code::Main(to)) => main[usize::from(to)],
                            Some(Code::Extension(to)) => extension[usize::from(to)],
                            None => VOID,
                        };
                        assert_eq!(read, extension[at], "{identifier} {septet:02X}");
                    }
                }
                assert_eq!(tables.code(' '), Some(Code::Main(0x20)));
                assert_eq!(tables.code(VOID), None);
            }
        }
    }

    #[test]
    fn an_unknown_language_changes_nothing() {
        for identifier in [0, 14, 99, 255] {
            let tables = Tables::named_by(Some(identifier), Some(identifier));
            assert!(tables.are_default());
        }
        // Spanish has no locking table (23.038 §A.3.2).
        let spanish = Tables::named_by(None, Some(2));
        assert!(spanish.are_default());
        assert!(!Tables::named_by(Some(2), None).are_default());
    }
}
