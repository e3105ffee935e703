//! **Alphabet**: the GSM 7-bit default alphabet, as far as a service centre needs it to write texts.
//!
//! The simulator's own (23.038 §6.2.1): it must not share the mistakes of the codec that it tests.

/// Septets of a text, or `None` when a character is in neither table.
///
/// One inner list per character, so that a split never separates an escape from what it escapes.
pub(crate) fn septets(text: &str) -> Option<Vec<Vec<u8>>> {
    text.chars().map(septets_of).collect()
}

fn septets_of(character: char) -> Option<Vec<u8>> {
    if let Some(at) = BASIC.iter().position(|&known| known == character) {
        return Some(vec![at as u8]);
    }
    let extended = EXTENSION.iter().find(|(_, known)| *known == character)?;
    Some(vec![ESCAPE, extended.0])
}

/// The same with the Turkish single shift table (23.038 §A.2.1) in place of the extension.
pub(crate) fn turkish_septets(text: &str) -> Option<Vec<Vec<u8>>> {
    let septets = |character: char| {
        let shifted = TURKISH_SHIFT.iter().find(|(_, known)| *known == character);
        match shifted {
            Some((septet, _)) => Some(vec![ESCAPE, *septet]),
            None => septets_of(character),
        }
    };
    text.chars().map(septets).collect()
}

/// Packs septets into octets, the first after `fill` bits of nothing (23.038 §6.1.2.1.1).
pub(crate) fn pack(septets: &[u8], fill: usize) -> Vec<u8> {
    let bits = fill + septets.len() * 7;
    let mut octets = vec![0u8; bits.div_ceil(8)];
    for (n, septet) in septets.iter().enumerate() {
        let (octet, shift) = ((fill + n * 7) / 8, (fill + n * 7) % 8);
        octets[octet] |= septet << shift;
        if shift > 1 {
            octets[octet + 1] |= septet >> (8 - shift);
        }
    }
    octets
}

/// So many septets out of octets, the first after `fill` bits; `None` when there are not so many.
pub(crate) fn unpack(octets: &[u8], fill: usize, count: usize) -> Option<Vec<u8>> {
    let at = |n: usize| {
        let (octet, shift) = ((fill + n * 7) / 8, (fill + n * 7) % 8);
        let low = u16::from(*octets.get(octet)?);
        let high = match shift > 1 {
            true => u16::from(*octets.get(octet + 1)?),
            false => 0,
        };
        Some((((high << 8 | low) >> shift) & 0x7F) as u8)
    };
    (0..count).map(at).collect()
}

/// The text of septets; what an escape is followed by without meaning anything stands for itself.
pub(crate) fn characters(septets: &[u8]) -> String {
    let mut text = String::new();
    let mut septets = septets.iter();
    while let Some(&septet) = septets.next() {
        let escaped = match septet {
            ESCAPE => septets.next(),
            _ => None,
        };
        let extended = EXTENSION.iter().find(|(code, _)| Some(code) == escaped);
        text.push(match (extended, escaped) {
            (Some((_, character)), _) => *character,
            (None, Some(&other)) => BASIC[usize::from(other & 0x7F)],
            (None, None) => BASIC[usize::from(septet & 0x7F)],
        });
    }
    text
}

/// Four hex digits for each unit of UTF-16.
pub(crate) fn utf_16_hex(text: &str) -> String {
    text.encode_utf16()
        .map(|unit| format!("{unit:04X}"))
        .collect()
}

const ESCAPE: u8 = 0x1B;

#[rustfmt::skip]
const BASIC: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1B}', 'Æ', 'æ', 'ß', 'É',
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

const EXTENSION: [(u8, char); 10] = [
    (0x0A, '\u{0C}'),
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

/// 23.038 §6.2.1.2.4: the language's number.
pub(crate) const TURKISH: u8 = 1;

/// What the table has beside the extension, all of whose characters it keeps.
const TURKISH_SHIFT: [(u8, char); 7] = [
    (0x47, 'Ğ'),
    (0x49, 'İ'),
    (0x53, 'Ş'),
    (0x63, 'ç'),
    (0x67, 'ğ'),
    (0x69, 'ı'),
    (0x73, 'ş'),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hello_packs_as_everybody_knows_it() {
        let septets: Vec<u8> = septets("hello").unwrap().concat();
        assert_eq!(pack(&septets, 0), [0xE8, 0x32, 0x9B, 0xFD, 0x06]);
    }

    #[test]
    fn a_character_of_the_extension_takes_two_septets() {
        assert_eq!(septets("€").unwrap(), [vec![0x1B, 0x65]]);
        assert_eq!(septets("中"), None);
    }

    #[test]
    fn what_was_packed_is_read_again() {
        let text = "ab@ü€[]~Ω 1234567890";
        let septets = septets(text).unwrap().concat();
        for fill in 0..7 {
            let packed = pack(&septets, fill);
            let read = unpack(&packed, fill, septets.len()).unwrap();
            assert_eq!(characters(&read), text);
        }
        assert_eq!(unpack(&[0x41], 0, 2), None);
    }

    #[test]
    fn after_a_header_the_text_starts_on_a_septet() {
        // 6 octets of header are 48 bits: one bit of fill to 49.
        assert_eq!(pack(&[0x41], 1), [0x82]);
    }
}
