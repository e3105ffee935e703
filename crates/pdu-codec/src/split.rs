//! Where a text is cut into parts, and which alphabet it takes (23.040 §9.2.3.24.1, 23.038 §6).
//!
//! Nothing is encoded here: a plan is cheap, also for a text that is far too long to be sent.

use alloc::vec::Vec;
use core::ops::Range;

use crate::dcs::Alphabet;
use crate::error::NotEncodable;
use crate::gsm7::{self, Septets};
use crate::udh::{Ports, Reference};
use crate::user_data::TextAlphabet;

/// How a text becomes parts.
///
/// ```
/// use pdu_codec::{Alphabet, AlphabetChoice, ReferenceWidth, Split};
///
/// let split = Split::plan("naïve", AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
/// assert_eq!(split.alphabet(), Alphabet::Ucs2);
/// assert_eq!(split.forced_by(), ['ï']);
/// assert_eq!(split.parts(), 1);
/// assert_eq!(split.units_left(), 65);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Split {
    alphabet: TextAlphabet,
    pieces: Vec<Piece>,
    units_left: usize,
    forced_by: Vec<char>,
}

/// What one part holds of the text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// Where it stands in the text, in octets of UTF-8, on character boundaries.
    pub range: Range<usize>,
    /// Septets (a character of the extension table has two) or UTF-16 units.
    pub units: usize,
    /// Unicode characters.
    pub characters: usize,
}

impl Split {
    /// Cuts a text; each part is filled as far as it goes, character by character.
    ///
    /// An escape and its septet are never separated, nor the two units of a surrogate pair. The empty text has one
    /// part. More than 255 parts cannot be sent, but they are counted.
    pub fn plan(
        text: &str,
        choice: AlphabetChoice,
        width: ReferenceWidth,
    ) -> Result<Self, NotEncodable> {
        Self::plan_beside(text, choice, Room::new(width, None))
    }

    /// The same, with less room.
    pub(crate) fn plan_beside(
        text: &str,
        choice: AlphabetChoice,
        room: Room,
    ) -> Result<Self, NotEncodable> {
        let (alphabet, forced_by) = match choice {
            AlphabetChoice::Ucs2 => (TextAlphabet::Ucs2, Vec::new()),
            AlphabetChoice::Auto | AlphabetChoice::Gsm7 => {
                let strangers = gsm7::strangers(text);
                if strangers.is_empty() {
                    (TextAlphabet::Gsm7, strangers)
                } else if choice == AlphabetChoice::Auto {
                    (TextAlphabet::Ucs2, strangers)
                } else {
                    return Err(NotEncodable {
                        offending: strangers,
                    });
                }
            }
        };
        let whole = cut(text, alphabet, usize::MAX);
        let alone = alphabet.units_in(room.alone);
        let (pieces, size) = if whole.iter().all(|piece| piece.units <= alone) {
            (whole, alone)
        } else {
            let size = alphabet.units_in(room.concatenated);
            (cut(text, alphabet, size), size)
        };
        let units_left = pieces
            .last()
            .map_or(size, |piece| size.saturating_sub(piece.units));
        Ok(Self {
            alphabet,
            pieces,
            units_left,
            forced_by,
        })
    }

    /// The alphabet that the text takes: [`Alphabet::Gsm7`] or [`Alphabet::Ucs2`].
    pub fn alphabet(&self) -> Alphabet {
        match self.alphabet {
            TextAlphabet::Gsm7 => Alphabet::Gsm7,
            TextAlphabet::Ucs2 => Alphabet::Ucs2,
        }
    }

    pub(crate) fn text_alphabet(&self) -> TextAlphabet {
        self.alphabet
    }

    /// How many parts there are, at least one.
    pub fn parts(&self) -> usize {
        self.pieces.len()
    }

    /// What each part holds.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// How many units the last part still has room for.
    pub fn units_left(&self) -> usize {
        self.units_left
    }

    /// The characters for which the default alphabet had to be left, each once, in the order of the text.
    pub fn forced_by(&self) -> &[char] {
        &self.forced_by
    }
}

/// Greedy: a character that does not fit begins the next part.
fn cut(text: &str, alphabet: TextAlphabet, size: usize) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut piece = Piece {
        range: 0..0,
        units: 0,
        characters: 0,
    };
    for (at, character) in text.char_indices() {
        let units = alphabet.units_of(character);
        if piece.units + units > size {
            let next = Piece {
                range: at..at,
                units: 0,
                characters: 0,
            };
            pieces.push(core::mem::replace(&mut piece, next));
        }
        piece.range.end = at + character.len_utf8();
        piece.units += units;
        piece.characters += 1;
    }
    pieces.push(piece);
    pieces
}

impl TextAlphabet {
    fn units_of(self, character: char) -> usize {
        match self {
            // The alphabet was chosen because it holds every character.
            Self::Gsm7 => gsm7::width(character).unwrap_or(1),
            Self::Ucs2 => character.len_utf16(),
        }
    }

    fn units_in(self, octets: usize) -> usize {
        match self {
            Self::Gsm7 => Septets::that_fit(octets).0,
            Self::Ucs2 => octets / 2,
        }
    }
}

/// Octets behind the header, of a part that stands alone and of one among others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) alone: usize,
    pub(crate) concatenated: usize,
}

impl Room {
    pub(crate) fn new(width: ReferenceWidth, ports: Option<Ports>) -> Self {
        let ports = match ports {
            None => 0,
            Some(Ports::Eight { .. }) => 4,
            Some(Ports::Sixteen { .. }) => 6,
        };
        let concatenation = match width {
            ReferenceWidth::Eight => 5,
            ReferenceWidth::Sixteen => 6,
        };
        Self {
            alone: behind(ports),
            concatenated: behind(concatenation + ports),
        }
    }
}

/// 23.040 §9.2.3.16: 140 octets of user data; a header has a length octet of its own.
fn behind(elements: usize) -> usize {
    match elements {
        0 => 140,
        elements => 140 - 1 - elements,
    }
}

/// Which alphabet a text shall take.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum AlphabetChoice {
    /// GSM 7 bit if it holds every character, else UCS2. Nothing is replaced by something similar.
    #[default]
    Auto,
    /// GSM 7 bit, or an error.
    Gsm7,
    /// UCS2 whatever the text.
    Ucs2,
}

/// How wide the reference of a message of several parts is; it costs room in each of them.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum ReferenceWidth {
    /// 153 septets or 67 units in a part.
    #[default]
    Eight,
    /// 152 septets or 66 units in a part.
    Sixteen,
}

impl From<Reference> for ReferenceWidth {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Eight(_) => Self::Eight,
            Reference::Sixteen(_) => Self::Sixteen,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;

    #[track_caller]
    fn units(text: &str, width: ReferenceWidth) -> Vec<usize> {
        let split = Split::plan(text, AlphabetChoice::Auto, width).unwrap();
        split.pieces().iter().map(|piece| piece.units).collect()
    }

    #[test]
    fn a_text_is_cut_where_the_next_character_does_not_fit() {
        use ReferenceWidth::{Eight, Sixteen};
        let table = [
            ("a".repeat(160), Eight, vec![160]),
            ("a".repeat(161), Eight, vec![153, 8]),
            ("a".repeat(161), Sixteen, vec![152, 9]),
            ("€".repeat(81), Eight, vec![152, 10]),
            (
                format!("{}€{}", "a".repeat(152), "a".repeat(10)),
                Eight,
                vec![152, 12],
            ),
            ("ы".repeat(70), Eight, vec![70]),
            ("ы".repeat(71), Eight, vec![67, 4]),
            ("ы".repeat(71), Sixteen, vec![66, 5]),
            ("😀".repeat(36), Eight, vec![66, 6]),
            (format!("ы{}", "😀".repeat(35)), Eight, vec![67, 4]),
        ];
        for (text, width, expected) in table {
            assert_eq!(units(&text, width), expected, "{text}");
        }
    }

    #[test]
    fn the_empty_text_has_one_part() {
        let split = Split::plan("", AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
        assert_eq!((split.parts(), split.units_left()), (1, 160));
        assert_eq!(split.alphabet(), Alphabet::Gsm7);
    }

    #[test]
    fn the_room_left_is_that_of_the_last_part() {
        let table = [
            ("a".repeat(160), 0),
            ("a".repeat(159), 1),
            ("a".repeat(161), 145),
            ("ы".repeat(3), 67),
            ("ы".repeat(71), 63),
        ];
        for (text, left) in table {
            let split = Split::plan(&text, AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
            assert_eq!(split.units_left(), left, "{text}");
        }
    }

    #[test]
    fn the_characters_that_cost_the_small_alphabet_are_named_once() {
        let split = Split::plan("“ab”“ç€”", AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
        assert_eq!(split.forced_by(), ['“', '”', 'ç']);
        let error = Split::plan("“ab”", AlphabetChoice::Gsm7, ReferenceWidth::Eight).unwrap_err();
        assert_eq!(error.offending, ['“', '”']);
        // Nobody forced what was chosen.
        let split = Split::plan("“ab”", AlphabetChoice::Ucs2, ReferenceWidth::Eight).unwrap();
        assert_eq!(split.forced_by(), []);
    }

    #[test]
    fn a_text_that_is_far_too_long_is_still_counted() {
        let text = "a".repeat(1_000_000);
        let split = Split::plan(&text, AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
        assert_eq!(split.parts(), 6_536);
        assert_eq!(split.pieces()[6_535].units, 145);
    }

    #[test]
    fn ports_leave_less_room() {
        let sixteen = Some(Ports::Sixteen {
            destination: 1,
            source: 2,
        });
        let eight = Some(Ports::Eight {
            destination: 1,
            source: 2,
        });
        let room = |width, ports| {
            let room = Room::new(width, ports);
            (room.alone, room.concatenated)
        };
        assert_eq!(room(ReferenceWidth::Eight, None), (140, 134));
        assert_eq!(room(ReferenceWidth::Sixteen, None), (140, 133));
        assert_eq!(room(ReferenceWidth::Eight, sixteen), (133, 128));
        assert_eq!(room(ReferenceWidth::Sixteen, eight), (135, 129));
    }
}
