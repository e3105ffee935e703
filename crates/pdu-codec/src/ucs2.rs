//! UCS2 (23.038 §6.2.3), written and read as UTF-16 big endian, so that surrogate pairs make one character.
//!
//! Not here: where a text may be cut; see `split`.

use alloc::string::String;
use alloc::vec::Vec;

pub(crate) fn write(text: &str, octets: &mut Vec<u8>) {
    for unit in text.encode_utf16() {
        octets.extend_from_slice(&unit.to_be_bytes());
    }
}

/// Each unpaired surrogate becomes U+FFFD; a last odd octet is ignored.
pub(crate) fn decode(octets: &[u8]) -> String {
    let units = octets
        .as_chunks::<2>()
        .0
        .iter()
        .map(|unit| u16::from_be_bytes(*unit));
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
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
