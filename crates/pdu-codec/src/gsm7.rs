//! The GSM 7 bit alphabet: characters as septets, septets packed into octets (23.038 §6.1.2.1, §6.2.1).
//!
//! Not here: the tables themselves, see `tables`; where a text may be cut, see [`split`](crate::split).

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Stranger;

pub(crate) mod national;
pub(crate) mod tables;

use tables::{Code, ESCAPE, Tables};

/// A number of septets, and what it is in octets.
///
/// ```
/// use pdu_codec::Septets;
///
/// assert_eq!(Septets::that_fit(140), Septets(160));
/// assert_eq!(Septets::that_cover(6), Septets(7));
/// assert_eq!(Septets(12).octets(), 11);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Septets(pub usize);

impl Septets {
    /// The whole septets that there is room for in so many octets.
    pub const fn that_fit(octets: usize) -> Self {
        // octets * 8 / 7, without the product.
        Self(octets + octets / 7)
    }

    /// The septets that a user data header of so many octets takes up, fill bits included (23.040 §9.2.3.24).
    pub const fn that_cover(octets: usize) -> Self {
        Self(octets + octets.div_ceil(7))
    }

    /// The octets that so many septets need.
    pub const fn octets(self) -> usize {
        self.0 - self.0 / 8
    }
}

/// A text in the default alphabet as packed septets, and how many there are: what USSD and cell broadcast also speak
/// (23.038 §6.1.2). `None` when the alphabet does not hold the text.
///
/// ```
/// use pdu_codec::{Septets, gsm7};
///
/// assert_eq!(gsm7::packed("*100#"), Some((vec![0xAA, 0x18, 0x0C, 0x36, 0x02], Septets(5))));
/// assert_eq!(gsm7::packed("naïve"), None);
/// ```
pub fn packed(text: &str) -> Option<(Vec<u8>, Septets)> {
    let septets = Septets(measure(text, Tables::DEFAULT)?);
    let mut octets = Vec::with_capacity(septets.octets());
    pack_text(text, 0, &mut octets);
    Some((octets, septets))
}

/// The text of so many packed septets in the default alphabet, or of those that the octets hold.
///
/// ```
/// use pdu_codec::{Septets, gsm7};
///
/// assert_eq!(gsm7::text_of(&[0xAA, 0x18, 0x0C, 0x36, 0x02], Septets(5)), "*100#");
/// assert_eq!(gsm7::text_of(&[0x9B, 0x32], Septets(100)), "€");
/// ```
pub fn text_of(octets: &[u8], count: Septets) -> String {
    if count.0 <= MOST_SEPTETS {
        return decode(Unpacked::from(octets, count).septets(), Tables::DEFAULT);
    }
    let count = count.min(Septets::that_fit(octets.len())).0;
    let mut septets = Vec::with_capacity(count);
    for octets in octets.chunks(Septets(MOST_SEPTETS).octets()) {
        let left = Septets(count - septets.len());
        septets.extend_from_slice(Unpacked::from(octets, left).septets());
    }
    decode(&septets, Tables::DEFAULT)
}

/// The septets of a text; `None` when the tables do not hold one of its characters.
pub(crate) fn encode(text: &str, tables: Tables) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        match tables.code(character)? {
            Code::Main(septet) => septets.push(septet),
            Code::Extension(septet) => septets.extend([ESCAPE, septet]),
        }
    }
    Some(septets)
}

/// The septets that a text takes; `None` when the tables do not hold one of its characters.
pub(crate) fn measure(text: &str, tables: Tables) -> Option<usize> {
    let mut units = 0;
    let mut rest = text;
    while !rest.is_empty() {
        while tables.are_default()
            && let Some((eight, behind)) = plain_eight(rest)
        {
            units += eight.len();
            rest = behind;
        }
        let mut characters = rest.chars();
        for character in characters.by_ref().take(UNEVEN) {
            units += tables.code(character)?.width();
        }
        rest = characters.as_str();
    }
    Some(units)
}

/// Where the next eight characters are not all plain, so many are taken one by one before eights are tried again.
const UNEVEN: usize = 8;

/// The septets of the next eight characters, when the default alphabet has all of them with the same ease: one octet of
/// text, one septet. The rest of the text begins on a character.
#[inline]
fn plain_eight(text: &str) -> Option<([u8; 8], &str)> {
    let eight = text.as_bytes().first_chunk::<8>()?;
    let septets = eight.map(|octet| tables::PLAIN[usize::from(octet)]);
    let any = septets.iter().fold(0, |any, septet| any | septet);
    // Plain octets are ASCII, so what follows them begins on a character.
    (any & 0x80 == 0).then(|| (septets, text.get(8..).unwrap_or_default()))
}

/// The characters that the tables do not hold, each where it stands first.
pub(crate) fn strangers(text: &str, tables: Tables) -> Vec<Stranger> {
    let mut seen = BTreeSet::new();
    all_strangers(text, tables)
        .filter(|stranger| seen.insert(stranger.character))
        .collect()
}

/// Every character that the tables do not hold, in the order of the text.
pub(crate) fn all_strangers(text: &str, tables: Tables) -> impl Iterator<Item = Stranger> {
    text.chars()
        .enumerate()
        .filter(move |(_, character)| tables.code(*character).is_none())
        .map(|(at, character)| Stranger { character, at })
}

/// The text of septets. Every septet sequence has one.
pub(crate) fn decode(septets: &[u8], tables: Tables) -> String {
    read(septets, tables).0
}

/// The text of septets, and whether the default alphabet writes it with just these.
///
/// It does unless an escape leads to nothing, or to a place that the extension table does not hold.
pub(crate) fn read(septets: &[u8], tables: Tables) -> (String, bool) {
    // Room for some characters that are not ASCII, so that most texts are written without a second allocation.
    let mut text = Vec::with_capacity(septets.len() + septets.len() / 8);
    let mut usual = tables.are_default();
    let mut rest = septets;
    while !rest.is_empty() {
        if tables.are_default() {
            rest = decode_plain(rest, &mut text);
        }
        let mut singles = rest.iter();
        for _ in 0..UNEVEN {
            let Some(septet) = singles.next() else { break };
            let character = match *septet {
                ESCAPE => {
                    let behind = singles.next().copied();
                    let held = behind.and_then(|septet| tables.extension(septet));
                    usual &= held.is_some();
                    held.unwrap_or_else(|| leads_nowhere(behind, tables))
                }
                septet => tables.main(septet),
            };
            put(&mut text, character);
        }
        rest = singles.as_slice();
    }
    // Whole characters were written, so nothing is lost here. They are looked at once, at the end.
    (String::from_utf8(text).unwrap_or_default(), usual)
}

/// What an escape shows that is not followed by a septet of the extension table.
fn leads_nowhere(septet: Option<u8>, tables: Tables) -> char {
    // 23.038 §6.2.1 note 1: the last one is shown as a space.
    septet.map_or(' ', |septet| tables.main(septet))
}

/// A copy of a fixed size is a move of one word, one of any size is a call.
#[inline]
fn put(text: &mut Vec<u8>, character: char) {
    match *character.encode_utf8(&mut [0; 4]).as_bytes() {
        [a] => text.push(a),
        [a, b] => text.extend_from_slice(&[a, b]),
        [a, b, c] => text.extend_from_slice(&[a, b, c]),
        ref octets => text.extend_from_slice(octets),
    }
}

/// Takes eights of septets from the front as long as all of an eight are ASCII in the default main table.
fn decode_plain<'a>(septets: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = septets;
    while let Some((eight, behind)) = rest.split_first_chunk::<8>() {
        let octets = eight.map(|septet| tables::ASCII[usize::from(septet & 0x7F)]);
        let any = octets.iter().fold(0, |any, octet| any | octet);
        if any & 0x80 != 0 {
            break;
        }
        text.extend_from_slice(&octets);
        rest = behind;
    }
    rest
}

/// Writes septets behind a user data header of so many octets, on the next septet boundary; spare bits are 0.
pub(crate) fn pack(septets: &[u8], header: usize, octets: &mut Vec<u8>) {
    let mut packer = Packer::behind(header, octets);
    let (eights, rest) = septets.as_chunks::<8>();
    for eight in eights {
        packer.eight(eight);
    }
    for septet in rest {
        packer.septet(*septet);
    }
    packer.finish();
}

/// Writes a text that the default alphabet holds in the same way, and says how many septets it took.
pub(crate) fn pack_text(text: &str, header: usize, octets: &mut Vec<u8>) -> usize {
    let mut packer = Packer::behind(header, octets);
    let mut rest = text;
    let mut count = 0;
    while !rest.is_empty() {
        while let Some((eight, behind)) = plain_eight(rest) {
            packer.eight(&eight);
            count += eight.len();
            rest = behind;
        }
        let mut characters = rest.chars();
        for character in characters.by_ref().take(UNEVEN) {
            match Tables::DEFAULT.code(character) {
                Some(Code::Main(septet)) => {
                    packer.septet(septet);
                    count += 1;
                }
                Some(Code::Extension(septet)) => {
                    packer.septet(ESCAPE);
                    packer.septet(septet);
                    count += 2;
                }
                // The alphabet was chosen because it holds every character.
                None => {}
            }
        }
        rest = characters.as_str();
    }
    packer.finish();
    count
}

/// Septets on their way into octets. Eight of them make seven octets, so they go through a word of 64 bits.
struct Packer<'a> {
    pending: u64,
    /// Bits of `pending` that are taken, at most 55 between two calls.
    bits: usize,
    octets: &'a mut Vec<u8>,
}

impl<'a> Packer<'a> {
    fn behind(header: usize, octets: &'a mut Vec<u8>) -> Self {
        Self {
            pending: 0,
            bits: Septets::that_cover(header).0 * 7 - header * 8,
            octets,
        }
    }

    fn septet(&mut self, septet: u8) {
        self.pending |= u64::from(septet & 0x7F) << self.bits;
        self.bits += 7;
        if self.bits >= 56 {
            self.flush();
        }
    }

    fn eight(&mut self, septets: &[u8; 8]) {
        if self.bits >= 8 {
            return septets.iter().for_each(|septet| self.septet(*septet));
        }
        self.pending |= closed_up(*septets) << self.bits;
        self.bits += 56;
        self.flush();
    }

    /// Writes seven octets.
    fn flush(&mut self) {
        let [seven @ .., _] = self.pending.to_le_bytes();
        self.octets.extend_from_slice(&seven);
        self.pending >>= 56;
        self.bits -= 56;
    }

    fn finish(self) {
        let octets = self.bits.div_ceil(8);
        self.octets
            .extend_from_slice(&self.pending.to_le_bytes()[..octets]);
    }
}

/// Eight septets as 56 bits, the first one lowest: neighbours close up in pairs, then the pairs, then the fours.
#[inline]
fn closed_up(septets: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(septets) & 0x7F7F_7F7F_7F7F_7F7F;
    let pairs = word & 0x007F_007F_007F_007F | (word & 0x7F00_7F00_7F00_7F00) >> 1;
    let fours = pairs & 0x0000_3FFF_0000_3FFF | (pairs & 0x3FFF_0000_3FFF_0000) >> 2;
    fours & 0x0FFF_FFFF | (fours & 0x0FFF_FFFF_0000_0000) >> 4
}

/// The way back.
#[inline]
fn spread_out(word: u64) -> [u8; 8] {
    let fours = word & 0x0FFF_FFFF | (word & 0x00FF_FFFF_F000_0000) << 4;
    let pairs = fours & 0x0000_3FFF_0000_3FFF | (fours & 0x0FFF_C000_0FFF_C000) << 2;
    let word = pairs & 0x007F_007F_007F_007F | (pairs & 0x3F80_3F80_3F80_3F80) << 1;
    word.to_le_bytes()
}

/// The most septets that anything can announce, in whole eights: TP-UDL 255, a service centre's name 290.
const MOST_SEPTETS: usize = 296;

/// Septets that were unpacked.
pub(crate) struct Unpacked {
    septets: [u8; MOST_SEPTETS],
    count: usize,
}

impl Unpacked {
    /// The first `count` septets, or as many as the octets hold.
    pub(crate) fn from(octets: &[u8], count: Septets) -> Self {
        let count = count.min(Septets::that_fit(octets.len())).0;
        let count = count.min(MOST_SEPTETS);
        let mut septets = [0; MOST_SEPTETS];
        let eights = &mut septets.as_chunks_mut::<8>().0[..count.div_ceil(8)];
        let (sevens, few) = octets.as_chunks::<7>();
        for (&[a, b, c, d, e, f, g], eight) in sevens.iter().zip(&mut *eights) {
            *eight = spread_out(u64::from_le_bytes([a, b, c, d, e, f, g, 0]));
        }
        if let Some(eight) = eights.get_mut(sevens.len()) {
            let mut word = [0; 8];
            word[..few.len()].copy_from_slice(few);
            *eight = spread_out(u64::from_le_bytes(word));
        }
        Self { septets, count }
    }

    pub(crate) fn septets(&self) -> &[u8] {
        &self.septets[..self.count]
    }

    /// Those behind a header of so many octets, which ends on a septet boundary.
    pub(crate) fn behind(&self, header: usize) -> &[u8] {
        let covered = Septets::that_cover(header).0;
        self.septets().get(covered..).unwrap_or_default()
    }
}

/// Without an escape whose septet was torn off with the rest of the text.
pub(crate) fn without_torn_escape(septets: &[u8]) -> &[u8] {
    let escapes = septets.iter().rev().take_while(|&&septet| septet == ESCAPE);
    // Two of them belong together.
    match septets {
        [whole @ .., _] if escapes.count() % 2 == 1 => whole,
        _ => septets,
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn septets_fill_octets_from_the_lowest_bit() {
        let table: [(&str, &[u8]); 6] = [
            ("", &[]),
            ("@", &[0x00]),
            ("ABCDEFG", &[0x41, 0xE1, 0x90, 0x58, 0x34, 0x1E, 0x01]),
            ("ABCDEFGH", &[0x41, 0xE1, 0x90, 0x58, 0x34, 0x1E, 0x91]),
            (
                "hellohello",
                &[0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37],
            ),
            ("€", &[0x9B, 0x32]),
        ];
        for (text, octets) in table {
            let septets = encode(text, Tables::DEFAULT).unwrap();
            let mut packed = vec![];
            pack(&septets, 0, &mut packed);
            assert_eq!(packed, octets, "{text}");
            let unpacked = Unpacked::from(octets, Septets(septets.len()));
            assert_eq!(decode(unpacked.septets(), Tables::DEFAULT), text);
            let mut written = vec![];
            assert_eq!(pack_text(text, 0, &mut written), septets.len());
            assert_eq!(written, octets);
        }
    }

    #[test]
    fn septets_behind_a_header_begin_on_a_septet_boundary() {
        for (header, packed) in [(0, 0x31), (6, 0x62), (7, 0x31), (8, 0x40), (13, 0x62)] {
            let mut octets = vec![];
            pack(&[0x31], header, &mut octets);
            assert_eq!(octets[0], packed, "{header}");
            let mut written = vec![];
            assert_eq!(pack_text("1", header, &mut written), 1);
            assert_eq!(written, octets);
        }
    }

    #[test]
    fn an_escape_always_shows_one_character() {
        let table: [(&[u8], &str); 7] = [
            (&[0x1B, 0x65], "€"),
            (&[0x1B, 0x0A], "\u{C}"),
            (&[0x1B, 0x41], "A"),
            (&[0x1B, 0x1B], " "),
            (&[0x1B, 0x1B, 0x65], " e"),
            (&[0x41, 0x1B], "A "),
            (&[0x41, 0x00, 0x0D], "A@\r"),
        ];
        for (septets, text) in table {
            assert_eq!(decode(septets, Tables::DEFAULT), text, "{septets:02X?}");
        }
    }

    #[test]
    fn an_escape_is_torn_when_its_septet_is_missing() {
        let table: [(&[u8], &[u8]); 5] = [
            (&[], &[]),
            (&[0x41, 0x1B], &[0x41]),
            (&[0x41, 0x1B, 0x1B], &[0x41, 0x1B, 0x1B]),
            (&[0x1B, 0x1B, 0x1B], &[0x1B, 0x1B]),
            (&[0x1B, 0x65], &[0x1B, 0x65]),
        ];
        for (torn, whole) in table {
            assert_eq!(without_torn_escape(torn), whole);
        }
    }

    #[test]
    fn words_of_eight_and_single_characters_are_written_alike() {
        let text = "abcdefgh€{12345678}ÄÖÜ 12345678 1234567é";
        for length in (0..=text.len()).filter(|length| text.is_char_boundary(*length)) {
            let text = &text[..length];
            let septets = encode(text, Tables::DEFAULT).unwrap();
            assert_eq!(
                measure(text, Tables::DEFAULT),
                Some(septets.len()),
                "{text}"
            );
            assert_eq!(decode(&septets, Tables::DEFAULT), text);
            for header in [0, 5, 6, 7, 12] {
                let (mut packed, mut written) = (vec![], vec![]);
                pack(&septets, header, &mut packed);
                assert_eq!(pack_text(text, header, &mut written), septets.len());
                assert_eq!(packed, written, "{text} behind {header}");
            }
        }
    }

    #[test]
    fn a_text_is_usual_unless_an_escape_is_not() {
        let table: [(&[u8], bool); 7] = [
            (&[], true),
            (&[0x41, 0x00], true),
            (&[0x1B, 0x65, 0x1B, 0x0A], true),
            (&[0x1B, 0x41], false),
            (&[0x1B, 0x1B, 0x65], false),
            (&[0x41, 0x1B], false),
            (&[0x1B, 0x65, 0x1B], false),
        ];
        for (septets, usual) in table {
            let (text, written_so) = read(septets, Tables::DEFAULT);
            assert_eq!(written_so, usual, "{septets:02X?}");
            assert_eq!(encode(&text, Tables::DEFAULT).unwrap() == septets, usual);
        }
    }

    #[test]
    fn every_stranger_is_named_once_and_in_order() {
        let text = "naïve Ünïcode — ы";
        let found = strangers(text, Tables::DEFAULT);
        let found: Vec<_> = found.iter().map(|one| (one.character, one.at)).collect();
        assert_eq!(found, [('ï', 2), ('—', 14), ('ы', 16)]);
        let all = all_strangers(text, Tables::DEFAULT);
        assert_eq!(all.map(|one| one.at).collect::<Vec<_>>(), [2, 8, 14, 16]);
        assert_eq!(encode(text, Tables::DEFAULT), None);
        assert_eq!(measure(text, Tables::DEFAULT), None);
        assert_eq!(measure("a€", Tables::DEFAULT), Some(3));
    }

    #[test]
    fn octets_that_are_missing_are_not_made_up() {
        let unpacked = |octets: &[u8]| Unpacked::from(octets, Septets(10)).septets().to_vec();
        assert_eq!(unpacked(&[0xE8, 0x32]), [0x68, 0x65]);
        assert_eq!(unpacked(&[]), []);
    }

    #[test]
    fn septets_and_octets_agree_on_the_sizes_of_the_specification() {
        let table = [(140, 160), (134, 153), (133, 152), (7, 8), (6, 6), (0, 0)];
        for (octets, septets) in table {
            assert_eq!(Septets::that_fit(octets), Septets(septets));
        }
        let table = [(0, 0), (1, 2), (6, 7), (7, 8), (8, 10), (13, 15)];
        for (octets, septets) in table {
            assert_eq!(Septets::that_cover(octets), Septets(septets));
        }
        let table = [(0, 0), (1, 1), (7, 7), (8, 7), (9, 8), (160, 140)];
        for (septets, octets) in table {
            assert_eq!(Septets(septets).octets(), octets);
        }
    }

    #[test]
    fn packed_text_of_any_length_comes_back() {
        for length in [0, 1, 7, 8, 9, 295, 296, 297, 300, 592, 593, 2_000] {
            let text: String = "0123456789€".chars().cycle().take(length).collect();
            let (octets, septets) = packed(&text).unwrap();
            let extended = length / 11;
            assert_eq!(septets, Septets(length + extended));
            assert_eq!(octets.len(), septets.octets());
            assert_eq!(text_of(&octets, septets), text);
            assert_eq!(text_of(&octets[..0], septets), "");
        }
    }
}
