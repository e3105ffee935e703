//! The GSM 7 bit alphabet: characters as septets, septets packed into octets (23.038 §6.1.2.1, §6.2.1).
//!
//! Not here: the tables themselves, see `tables`; where a text may be cut, see [`split`](crate::split).

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::NotEncodable;

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

/// How many septets a character takes: one, or two with its escape; `None` when it is in neither table.
pub(crate) fn width(character: char) -> Option<usize> {
    match Tables::DEFAULT.code(character)? {
        Code::Main(_) => Some(1),
        Code::Extension(_) => Some(2),
    }
}

/// The septets of a text.
pub(crate) fn encode(text: &str) -> Result<Vec<u8>, NotEncodable> {
    let mut septets = Vec::with_capacity(text.len());
    for character in text.chars() {
        match Tables::DEFAULT.code(character) {
            Some(Code::Main(septet)) => septets.push(septet),
            Some(Code::Extension(septet)) => septets.extend([ESCAPE, septet]),
            None => {
                let offending = strangers(text);
                return Err(NotEncodable { offending });
            }
        }
    }
    Ok(septets)
}

/// The characters that the alphabet does not hold, each once, in the order of the text.
pub(crate) fn strangers(text: &str) -> Vec<char> {
    let mut seen = alloc::collections::BTreeSet::new();
    text.chars()
        .filter(|&character| width(character).is_none() && seen.insert(character))
        .collect()
}

/// The text of septets. Every septet sequence has one.
pub(crate) fn decode(septets: &[u8], tables: Tables) -> String {
    let mut text = String::with_capacity(septets.len());
    let mut septets = septets.iter().copied();
    while let Some(septet) = septets.next() {
        if septet != ESCAPE {
            text.push(tables.main(septet));
            continue;
        }
        match septets.next() {
            Some(escaped) => text.push(tables.extension(escaped)),
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

/// Writes septets behind a user data header, on the next septet boundary; all spare bits are 0.
pub(crate) fn pack(septets: &[u8], octets: &mut Vec<u8>) {
    let header = octets.len();
    let mut bits = Septets::that_cover(header).0 * 7 - header * 8;
    let mut pending: u16 = 0;
    for septet in septets {
        pending |= u16::from(septet & 0x7F) << bits;
        bits += 7;
        if bits >= 8 {
            octets.push(pending.to_le_bytes()[0]);
            pending >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push(pending.to_le_bytes()[0]);
    }
}

/// The first `count` septets, or as many as the octets hold.
pub(crate) fn unpack(octets: &[u8], count: Septets) -> Vec<u8> {
    let count = count.min(Septets::that_fit(octets.len())).0;
    let mut septets = Vec::with_capacity(count);
    let mut pending: u16 = 0;
    let mut bits = 0;
    let mut octets = octets.iter();
    while septets.len() < count {
        if bits < 7 {
            let Some(octet) = octets.next() else { break };
            pending |= u16::from(*octet) << bits;
            bits += 8;
        }
        septets.push(pending.to_le_bytes()[0] & 0x7F);
        pending >>= 7;
        bits -= 7;
    }
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
            let septets = encode(text).unwrap();
            let mut packed = vec![];
            pack(&septets, &mut packed);
            assert_eq!(packed, octets, "{text}");
            let unpacked = unpack(octets, Septets(septets.len()));
            assert_eq!(decode(&unpacked, Tables::DEFAULT), text);
        }
    }

    #[test]
    fn septets_behind_a_header_begin_on_a_septet_boundary() {
        let mut octets = vec![0x05, 0x00, 0x03, 0x42, 0x02, 0x02];
        pack(&[0x31], &mut octets);
        assert_eq!(octets, [0x05, 0x00, 0x03, 0x42, 0x02, 0x02, 0x62]);
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
        let error = encode("naïve Ünïcode — ы").unwrap_err();
        assert_eq!(error.offending, ['ï', '—', 'ы']);
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
