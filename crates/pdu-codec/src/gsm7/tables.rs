//! The characters of the GSM 7 bit alphabet: the default table and its extension (23.038 §6.2.1, §6.2.1.1).
//!
//! Not here yet: the national language tables of 23.038 annex A. A locking shift replaces `main`, a single shift
//! replaces `extension`; [`Tables::named_by`] is the one place that chooses.

/// The septet that takes the next one from the extension table.
pub(crate) const ESCAPE: u8 = 0x1B;

/// The two tables in force for a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables {
    main: &'static [char; 128],
    extension: &'static [(u8, char)],
}

/// How a character is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Code {
    Main(u8),
    Extension(u8),
}

impl Tables {
    pub(crate) const DEFAULT: Self = Self {
        main: &DEFAULT_MAIN,
        extension: &DEFAULT_EXTENSION,
    };

    /// The tables that a user data header asks for (23.040 §9.2.3.24.15, §9.2.3.24.16).
    ///
    /// An identifier that is not known changes nothing; none is known yet.
    pub(crate) fn named_by(_single_shift: Option<u8>, _locking_shift: Option<u8>) -> Self {
        Self::DEFAULT
    }

    pub(crate) fn main(self, septet: u8) -> char {
        self.main[usize::from(septet & 0x7F)]
    }

    /// A code that the extension table does not hold shows the character of the main table.
    pub(crate) fn extension(self, septet: u8) -> char {
        let found = self.extension.iter().find(|(code, _)| *code == septet);
        match found {
            Some((_, character)) => *character,
            None => self.main(septet),
        }
    }

    /// How a character of the default tables is written.
    pub(crate) fn code(self, character: char) -> Option<Code> {
        if let Some(code) = LATIN_1.get(character as usize) {
            return *code;
        }
        if character == '€' {
            return Some(Code::Extension(0x65));
        }
        let (septet, _) = GREEK.iter().find(|(_, greek)| *greek == character)?;
        Some(Code::Main(*septet))
    }
}

/// 23.038 §6.2.1. The escape's own place shows a space, as its note 1 says.
#[rustfmt::skip]
const DEFAULT_MAIN: [char; 128] = [
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
const DEFAULT_EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{C}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

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

/// Both tables turned round for the first 256 characters of Unicode, so that a long text costs one look each.
const LATIN_1: [Option<Code>; 256] = {
    let mut codes = [None; 256];
    let mut septet: u8 = 0;
    while septet < 128 {
        let character = DEFAULT_MAIN[septet as usize] as usize;
        if character < 256 && septet != ESCAPE {
            codes[character] = Some(Code::Main(septet));
        }
        septet += 1;
    }
    let mut index = 0;
    while index < DEFAULT_EXTENSION.len() {
        let (septet, character) = DEFAULT_EXTENSION[index];
        if (character as usize) < 256 {
            codes[character as usize] = Some(Code::Extension(septet));
        }
        index += 1;
    }
    codes
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_septet_but_the_escape_is_written_as_it_is_read() {
        for septet in (0..128).filter(|septet| *septet != ESCAPE) {
            let character = Tables::DEFAULT.main(septet);
            assert_eq!(
                Tables::DEFAULT.code(character),
                Some(Code::Main(septet)),
                "{character}"
            );
        }
        for (septet, character) in DEFAULT_EXTENSION {
            assert_eq!(Tables::DEFAULT.extension(septet), character);
            assert_eq!(
                Tables::DEFAULT.code(character),
                Some(Code::Extension(septet))
            );
        }
    }

    #[test]
    fn look_alikes_are_not_taken_for_each_other() {
        for character in ['Α', 'Β', '`', 'ç', '\t', '\u{1B}', '\u{A0}', '’', 'А', '😀'] {
            assert_eq!(Tables::DEFAULT.code(character), None, "{character:?}");
        }
    }
}
