//! UCS2 (23.038 §6.2.3), written and read as UTF-16 big endian, so that surrogate pairs make one character.
//!
//! Not here: where a text may be cut; see `split`.

use alloc::string::String;
use alloc::vec::Vec;

pub(crate) fn write(text: &str, octets: &mut Vec<u8>) {
    let start = octets.len();
    octets.resize(start + measure(text) * 2, 0);
    let mut places = octets[start..].as_chunks_mut::<2>().0.iter_mut();
    for character in text.chars() {
        // Nearly all characters are one unit; the others are looked at for their two.
        if let Ok(unit) = u16::try_from(u32::from(character)) {
            put(&mut places, unit);
        } else {
            let mut pair = [0; 2];
            for unit in character.encode_utf16(&mut pair) {
                put(&mut places, *unit);
            }
        }
    }
}

/// There is a place for each unit: they were counted.
fn put<'a>(places: &mut impl Iterator<Item = &'a mut [u8; 2]>, unit: u16) {
    if let Some(place) = places.next() {
        *place = unit.to_be_bytes();
    }
}

/// Each unpaired surrogate becomes U+FFFD; a last odd octet is ignored.
pub(crate) fn decode(octets: &[u8]) -> String {
    let units = octets.as_chunks::<2>().0;
    // Most texts in UCS2 have characters of three octets in UTF-8.
    let mut text = String::with_capacity(units.len() * 3);
    let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
    for character in char::decode_utf16(units) {
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }
    text
}

/// How many units a text takes.
pub(crate) fn measure(text: &str) -> usize {
    // A character has one octet that is no continuation; four of them stand for a pair of surrogates.
    let units = |octet: &u8| u8::from(octet & 0xC0 != 0x80) + u8::from(*octet >= 0xF0);
    // In short runs the sum fits an octet, and many octets are added at once.
    let runs = text.as_bytes().chunks(64);
    runs.map(|run| usize::from(run.iter().map(units).sum::<u8>()))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_surrogate_pair_is_one_character() {
        let mut octets = Vec::new();
        write("a😀", &mut octets);
        assert_eq!(octets, [0x00, 0x61, 0xD8, 0x3D, 0xDE, 0x00]);
        assert_eq!(decode(&[0x00, 0x61, 0xD8, 0x3D, 0xDE, 0x00]), "a😀");
        for (text, units) in [("", 0), ("aé你", 3), ("a😀é", 4)] {
            assert_eq!(measure(text), units);
        }
    }

    #[test]
    fn what_has_no_partner_is_shown_as_such() {
        let table: [(&[u8], &str); 5] = [
            (&[], ""),
            (&[0x00], ""),
            (&[0x00, 0x41, 0x00], "A"),
            (&[0xD8, 0x3D, 0x00, 0x41], "\u{FFFD}A"),
            (&[0xDE, 0x00, 0xD8, 0x3D], "\u{FFFD}\u{FFFD}"),
        ];
        for (octets, text) in table {
            assert_eq!(decode(octets), text, "{octets:02X?}");
        }
    }
}
