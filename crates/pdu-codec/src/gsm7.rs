//! The GSM 7 bit alphabet: characters as septets, septets packed into octets (23.038 §6.1.2.1, §6.2.1).
//!
//! Not here: the tables themselves, see `tables`; where a text may be cut, see [`split`](crate::split).

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::Stranger;

pub(crate) mod national;
pub(crate) mod tables;

use tables::{Code, ESCAPE, Tables, VOID};

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
    text.chars()
        .map(|character| tables.code(character).map(Code::width))
        .sum()
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
    let (main, extension) = tables.characters();
    let mut text = String::with_capacity(septets.len());
    let mut septets = septets.iter().map(|septet| usize::from(septet & 0x7F));
    while let Some(septet) = septets.next() {
        if septet != usize::from(ESCAPE) {
            text.push(main[septet]);
            continue;
        }
        match septets.next() {
            // 23.038 §6.2.1.1: what the table does not hold shows the main table's character.
            Some(escaped) if extension[escaped] == VOID => text.push(main[escaped]),
            Some(escaped) => text.push(extension[escaped]),
            // 23.038 §6.2.1 note 1: an escape that leads nowhere is shown as a space.
            None => text.push(' '),
        }
    }
    text
}

/// Takes away an escape whose septet was torn off with the rest of the text.
pub(crate) fn drop_torn_escape(septets: &mut Vec<u8>) {
    let escapes = septets.iter().rev().take_while(|&&septet| septet == ESCAPE);
    // Two of them belong together.
    if escapes.count() % 2 == 1 {
        septets.pop();
    }
}

/// Writes septets behind a user data header of so many octets, on the next septet boundary; spare bits are 0.
///
/// Eight septets make seven octets, so they go through a word of 64 bits that far at a time.
pub(crate) fn pack(septets: &[u8], header: usize, octets: &mut Vec<u8>) {
    let mut bits = Septets::that_cover(header).0 * 7 - header * 8;
    let mut pending: u64 = 0;
    let (eights, rest) = septets.as_chunks::<8>();
    for eight in eights {
        pending |= word(eight) << bits;
        octets.extend_from_slice(&pending.to_le_bytes()[..7]);
        pending >>= 56;
    }
    pending |= word(rest) << bits;
    bits += rest.len() * 7;
    octets.extend_from_slice(&pending.to_le_bytes()[..bits.div_ceil(8)]);
}

/// At most eight septets, the first in the lowest bits.
fn word(septets: &[u8]) -> u64 {
    septets
        .iter()
        .rev()
        .fold(0, |word, septet| word << 7 | u64::from(septet & 0x7F))
}

/// The first `count` septets, or as many as the octets hold.
pub(crate) fn unpack(octets: &[u8], count: Septets) -> Vec<u8> {
    let count = count.min(Septets::that_fit(octets.len())).0;
    let mut septets = Vec::with_capacity(count + 8);
    for seven in octets.chunks(7).take(count.div_ceil(8)) {
        let mut word = [0; 8];
        word[..seven.len()].copy_from_slice(seven);
        let word = u64::from_le_bytes(word);
        septets.extend_from_slice(
            &[0, 7, 14, 21, 28, 35, 42, 49].map(|bit| (word >> bit) as u8 & 0x7F),
        );
    }
    septets.truncate(count);
    septets
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
            let unpacked = unpack(octets, Septets(septets.len()));
            assert_eq!(decode(&unpacked, Tables::DEFAULT), text);
        }
    }

    #[test]
    fn septets_behind_a_header_begin_on_a_septet_boundary() {
        for (header, packed) in [(0, 0x31), (6, 0x62), (7, 0x31), (8, 0x40), (13, 0x62)] {
            let mut octets = vec![];
            pack(&[0x31], header, &mut octets);
            assert_eq!(octets[0], packed, "{header}");
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
            let mut septets = torn.to_vec();
            drop_torn_escape(&mut septets);
            assert_eq!(septets, whole);
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
        assert_eq!(unpack(&[0xE8, 0x32], Septets(10)), [0x68, 0x65]);
        assert_eq!(unpack(&[], Septets(10)), []);
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
}
