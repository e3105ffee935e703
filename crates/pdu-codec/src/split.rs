//! Where a text is cut into parts, and which alphabet it takes (23.040 §9.2.3.24.1, 23.038 §6).
//!
//! Nothing is encoded here: a plan is cheap, also for a text that is far too long to be sent.

use alloc::vec::Vec;
use core::ops::Range;

use crate::dcs::Alphabet;
use crate::error::{NotEncodable, Stranger};
use crate::gsm7::tables::{Code, Tables};
use crate::gsm7::{self, Septets};
use crate::language::NationalTables;
use crate::submit::SubmitOptions;
use crate::ucs2;
use crate::udh::{self, Reference};
use crate::user_data::TextAlphabet;

/// How a text becomes parts.
///
/// ```
/// use pdu_codec::{Alphabet, AlphabetChoice, ReferenceWidth, Split};
///
/// let split = Split::plan("naïve", AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
/// assert_eq!(split.alphabet(), Alphabet::Ucs2);
/// assert_eq!(split.parts(), 1);
/// assert_eq!(split.units_left(), 65);
///
/// let forced_by = split.forced_by();
/// assert_eq!((forced_by[0].character, forced_by[0].at), ('ï', 2));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Split<'t> {
    text: &'t str,
    alphabet: TextAlphabet,
    /// The tables that did not hold the text, where that made it UCS2.
    left: Option<Option<NationalTables>>,
    pieces: Pieces,
    units_left: usize,
}

/// Most texts have one part, and then nothing is allocated.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Pieces {
    One(Piece),
    Many(Vec<Piece>),
}

impl Pieces {
    fn all(&self) -> &[Piece] {
        match self {
            Self::One(piece) => core::slice::from_ref(piece),
            Self::Many(pieces) => pieces,
        }
    }
}

/// What one part holds of the text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Piece {
    /// Where it stands in the text, in octets of UTF-8, on character boundaries.
    pub range: Range<usize>,
    /// Septets (a character of the extension table has two) or UTF-16 units.
    pub units: usize,
    /// Unicode characters.
    pub characters: usize,
}

impl<'t> Split<'t> {
    /// Cuts a text; each part is filled as far as it goes, character by character.
    ///
    /// An escape and its septet are never separated, nor the two units of a surrogate pair. The empty text has one
    /// part. More than 255 parts cannot be sent, but they are counted.
    ///
    /// # Errors
    /// [`NotEncodable`] when GSM 7 bit is demanded and does not hold the text.
    pub fn plan(
        text: &'t str,
        choice: AlphabetChoice,
        width: ReferenceWidth,
    ) -> Result<Self, NotEncodable> {
        let reference = match width {
            ReferenceWidth::Eight => Reference::Eight(0),
            ReferenceWidth::Sixteen => Reference::Sixteen(0),
        };
        let options = SubmitOptions {
            reference,
            ..SubmitOptions::default()
        };
        Self::plan_for(text, choice, &options)
    }

    /// The same beside what else takes room in each part: ports, and the header of national tables.
    ///
    /// [`Submit::texts`](crate::Submit::texts) with the same options makes just these parts.
    ///
    /// ```
    /// use pdu_codec::{Alphabet, AlphabetChoice, Language, NationalTables, Shift, Split, SubmitOptions};
    ///
    /// let options = SubmitOptions {
    ///     national: NationalTables::new(Language::Turkish, Shift::Single),
    ///     ..SubmitOptions::default()
    /// };
    /// let split = Split::plan_for("İyi günler, Ayşe", AlphabetChoice::Auto, &options).unwrap();
    /// assert_eq!(split.alphabet(), Alphabet::Gsm7);
    /// // Sixteen characters, two of them with an escape; the header takes five septets.
    /// assert_eq!((split.pieces()[0].units, split.units_left()), (18, 137));
    /// ```
    ///
    /// # Errors
    /// [`NotEncodable`] when GSM 7 bit is demanded and, with the national tables of the options, does not hold the
    /// text.
    pub fn plan_for(
        text: &'t str,
        choice: AlphabetChoice,
        options: &SubmitOptions,
    ) -> Result<Self, NotEncodable> {
        let (alphabet, units) = choose(text, choice, options.national)?;
        let room = Room::of(options, alphabet);
        let alone = alphabet.units_in(room.alone);
        let (pieces, size) = if units <= alone {
            (Pieces::One(whole(text, units)), alone)
        } else {
            let size = alphabet.units_in(room.concatenated);
            let pieces = match alphabet {
                // One octet, one septet: nothing but the end of a part can separate two characters.
                TextAlphabet::Gsm7(_) if units == text.len() && text.is_ascii() => {
                    slice(text.len(), size)
                }
                _ => cut(text, alphabet, units, size),
            };
            (Pieces::Many(pieces), size)
        };
        let units_left = pieces
            .all()
            .last()
            .map_or(size, |piece| size.saturating_sub(piece.units));
        let forced = choice == AlphabetChoice::Auto && alphabet == TextAlphabet::Ucs2;
        Ok(Self {
            text,
            alphabet,
            left: forced.then_some(options.national),
            pieces,
            units_left,
        })
    }

    /// The alphabet that the text takes: [`Alphabet::Gsm7`] or [`Alphabet::Ucs2`].
    pub fn alphabet(&self) -> Alphabet {
        match self.alphabet {
            TextAlphabet::Gsm7(_) => Alphabet::Gsm7,
            TextAlphabet::Ucs2 => Alphabet::Ucs2,
        }
    }

    /// The national tables that the text needs; `None` when it does without.
    pub fn national(&self) -> Option<NationalTables> {
        match self.alphabet {
            TextAlphabet::Gsm7(national) => national,
            TextAlphabet::Ucs2 => None,
        }
    }

    pub(crate) fn text_alphabet(&self) -> TextAlphabet {
        self.alphabet
    }

    /// How many parts there are, at least one.
    pub fn parts(&self) -> usize {
        self.pieces().len()
    }

    /// What each part holds.
    pub fn pieces(&self) -> &[Piece] {
        self.pieces.all()
    }

    /// The text of each part.
    pub fn texts(&self) -> impl Iterator<Item = &'t str> {
        let text = self.text;
        self.pieces()
            .iter()
            .map(|piece| text.get(piece.range.clone()).unwrap_or_default())
    }

    /// How many units the last part still has room for.
    pub fn units_left(&self) -> usize {
        self.units_left
    }

    /// The characters for which GSM 7 bit had to be left, each once, where it stands first.
    ///
    /// Empty unless the choice was [`AlphabetChoice::Auto`] and ended in UCS2.
    pub fn forced_by(&self) -> Vec<Stranger> {
        self.left.map_or_else(Vec::new, |national| {
            gsm7::strangers(self.text, Tables::of(national))
        })
    }

    /// Every place where such a character stands, in the order of the text.
    pub fn forced_at(&self) -> impl Iterator<Item = Stranger> {
        let text = self.left.map_or("", |_| self.text);
        gsm7::all_strangers(text, Tables::of(self.left.flatten()))
    }
}

/// The alphabet of a text and the units that it takes in one piece.
fn choose(
    text: &str,
    choice: AlphabetChoice,
    national: Option<NationalTables>,
) -> Result<(TextAlphabet, usize), NotEncodable> {
    if choice != AlphabetChoice::Ucs2 {
        if let Some(units) = gsm7::measure(text, Tables::DEFAULT) {
            return Ok((TextAlphabet::Gsm7(None), units));
        }
        if national.is_some()
            && let Some(units) = gsm7::measure(text, Tables::of(national))
        {
            return Ok((TextAlphabet::Gsm7(national), units));
        }
    }
    if choice == AlphabetChoice::Gsm7 {
        let offending = gsm7::strangers(text, Tables::of(national));
        return Err(NotEncodable { offending });
    }
    Ok((TextAlphabet::Ucs2, ucs2::measure(text)))
}

fn whole(text: &str, units: usize) -> Piece {
    Piece {
        range: 0..text.len(),
        units,
        characters: text.chars().count(),
    }
}

fn slice(length: usize, size: usize) -> Vec<Piece> {
    (0..length)
        .step_by(size)
        .map(|start| {
            let end = length.min(start + size);
            Piece {
                range: start..end,
                units: end - start,
                characters: end - start,
            }
        })
        .collect()
}

/// Greedy: a character that does not fit begins the next part. `units` is what the whole text takes.
fn cut(text: &str, alphabet: TextAlphabet, units: usize, size: usize) -> Vec<Piece> {
    // Each part but the last has at most one unit free.
    let mut pieces = Vec::with_capacity(units.div_ceil(size - 1));
    let mut piece = Piece::default();
    for (at, character) in text.char_indices() {
        let units = alphabet.units_of(character);
        if piece.units + units > size {
            let next = Piece {
                range: at..at,
                ..Piece::default()
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
            Self::Gsm7(national) => Tables::of(national).code(character).map_or(1, Code::width),
            Self::Ucs2 => character.len_utf16(),
        }
    }

    fn units_in(self, octets: usize) -> usize {
        match self {
            Self::Gsm7(_) => Septets::that_fit(octets).0,
            Self::Ucs2 => octets / 2,
        }
    }

    /// The national tables that its header has to name.
    pub(crate) fn national(self) -> Option<NationalTables> {
        match self {
            Self::Gsm7(national) => national,
            Self::Ucs2 => None,
        }
    }
}

/// Octets behind the header, of a part that stands alone and of one among others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Room {
    pub(crate) alone: usize,
    pub(crate) concatenated: usize,
}

impl Room {
    pub(crate) fn of(options: &SubmitOptions, alphabet: TextAlphabet) -> Self {
        Self::beside(options, alphabet.national())
    }

    /// Room for data: it has no alphabet.
    pub(crate) fn for_data(options: &SubmitOptions) -> Self {
        Self::beside(options, None)
    }

    fn beside(options: &SubmitOptions, national: Option<NationalTables>) -> Self {
        let others = udh::octets_beside(options.ports, national);
        let concatenation = udh::octets_of(options.reference);
        let behind = |elements| match elements {
            0 => MOST_OCTETS,
            // The header has a length octet of its own.
            elements => MOST_OCTETS - 1 - elements,
        };
        Self {
            alone: behind(others),
            concatenated: behind(others + concatenation),
        }
    }
}

/// 23.040 §9.2.3.16: 140 octets of user data, its header included.
const MOST_OCTETS: usize = 140;

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
    use crate::language::{Language, Shift};
    use crate::udh::Ports;

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
        let named = |found: Vec<Stranger>| {
            let pairs = found.iter().map(|one| (one.character, one.at));
            pairs.collect::<Vec<_>>()
        };
        assert_eq!(named(split.forced_by()), [('“', 0), ('”', 3), ('ç', 5)]);
        let every = named(split.forced_at().collect());
        assert_eq!(every, [('“', 0), ('”', 3), ('“', 4), ('ç', 5), ('”', 7)]);
        let error = Split::plan("“ab”", AlphabetChoice::Gsm7, ReferenceWidth::Eight).unwrap_err();
        assert_eq!(named(error.offending), [('“', 0), ('”', 3)]);
        // Nobody forced what was chosen, and what fits forces nothing.
        for (text, choice) in [("“ab”", AlphabetChoice::Ucs2), ("ab", AlphabetChoice::Auto)] {
            let split = Split::plan(text, choice, ReferenceWidth::Eight).unwrap();
            assert_eq!((split.forced_by(), split.forced_at().count()), (vec![], 0));
        }
    }

    #[test]
    fn a_text_that_is_far_too_long_is_still_counted() {
        let text = "a".repeat(1_000_000);
        let split = Split::plan(&text, AlphabetChoice::Auto, ReferenceWidth::Eight).unwrap();
        assert_eq!(split.parts(), 6_536);
        assert_eq!(split.pieces()[6_535].units, 145);
    }

    #[test]
    fn headers_leave_less_room() {
        use Reference::{Eight, Sixteen};
        let wide = Some(Ports::Sixteen {
            destination: 1,
            source: 2,
        });
        let narrow = Some(Ports::Eight {
            destination: 1,
            source: 2,
        });
        let turkish = |shift| NationalTables::new(Language::Turkish, shift);
        let table = [
            (Eight(0), None, None, 140, 134),
            (Sixteen(0), None, None, 140, 133),
            (Eight(0), wide, None, 133, 128),
            (Sixteen(0), narrow, None, 135, 129),
            (Eight(0), None, turkish(Shift::Single), 136, 131),
            (Eight(0), None, turkish(Shift::Both), 133, 128),
            (Sixteen(0), wide, turkish(Shift::Both), 127, 121),
        ];
        for (reference, ports, national, alone, concatenated) in table {
            let options = SubmitOptions {
                reference,
                ports,
                national,
                ..SubmitOptions::default()
            };
            let room = Room::of(&options, TextAlphabet::Gsm7(national));
            let expected = Room {
                alone,
                concatenated,
            };
            assert_eq!(room, expected);
        }
    }

    #[test]
    fn national_tables_are_used_only_where_they_help() {
        let plan = |text: &str, language, shift| {
            let options = SubmitOptions {
                national: NationalTables::new(language, shift),
                ..SubmitOptions::default()
            };
            let split = Split::plan_for(text, AlphabetChoice::Auto, &options).unwrap();
            (
                split.alphabet(),
                split.national().is_some(),
                split.pieces()[0].units,
            )
        };
        use Alphabet::{Gsm7, Ucs2};
        let table = [
            // The default alphabet holds it.
            ("Ayse", Language::Turkish, Shift::Both, (Gsm7, false, 4)),
            ("Ayşe", Language::Turkish, Shift::Single, (Gsm7, true, 5)),
            ("Ayşe", Language::Turkish, Shift::Locking, (Gsm7, true, 4)),
            // The Turkish main table has no è, the default one no ş.
            ("è ş", Language::Turkish, Shift::Single, (Gsm7, true, 4)),
            ("è ş", Language::Turkish, Shift::Locking, (Ucs2, false, 3)),
            // The euro sign is in the Turkish main table.
            ("ş€", Language::Turkish, Shift::Both, (Gsm7, true, 2)),
            ("ş€", Language::Turkish, Shift::Single, (Gsm7, true, 4)),
            (
                "¡Así, Ñandú!",
                Language::Spanish,
                Shift::Single,
                (Gsm7, true, 14),
            ),
            (
                "ação",
                Language::Portuguese,
                Shift::Locking,
                (Gsm7, true, 4),
            ),
            ("नमस्ते", Language::Hindi, Shift::Locking, (Gsm7, true, 6)),
            ("ы", Language::Turkish, Shift::Both, (Ucs2, false, 1)),
        ];
        for (text, language, shift, expected) in table {
            assert_eq!(plan(text, language, shift), expected, "{text} {shift:?}");
        }
    }

    #[test]
    fn a_reference_says_how_wide_it_is() {
        let width = ReferenceWidth::from;
        assert_eq!(width(Reference::Eight(255)), ReferenceWidth::Eight);
        assert_eq!(width(Reference::Sixteen(0)), ReferenceWidth::Sixteen);
        assert_eq!(Reference::Eight(255).value(), 255);
        assert_eq!(Reference::Sixteen(0x1234).value(), 0x1234);
    }
}
