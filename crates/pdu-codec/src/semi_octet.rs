//! Semi-octets: two decimal digits in an octet, the first one in the low nibble (23.040 §9.1.2.3).
//!
//! Not here: what the digits mean; see `address` and `timestamp`.

/// Both nibbles of each octet, in the order in which they are read.
pub(crate) fn nibbles(octets: &[u8]) -> impl Iterator<Item = u8> {
    octets.iter().flat_map(|octet| [octet & 0x0F, octet >> 4])
}

/// The nibbles of a number, up to its end mark or to `count` of them.
pub(crate) fn nibbles_of_number(octets: &[u8], count: usize) -> impl Iterator<Item = u8> {
    nibbles(octets)
        .take(count)
        .take_while(|nibble| *nibble != END)
}

/// The digits of a number, up to its end mark or to `count` semi-octets.
pub(crate) fn digits(octets: &[u8], count: usize) -> impl Iterator<Item = char> {
    nibbles(octets).take(count).map_while(digit)
}

/// Ends a number, and fills its last octet.
const END: u8 = 0x0F;

/// 23.040 §9.1.2.3: the extra values of address fields. 15 ends the number.
fn digit(nibble: u8) -> Option<char> {
    match nibble {
        0..=9 => Some(char::from(b'0' + nibble)),
        10 => Some('*'),
        11 => Some('#'),
        12 => Some('a'),
        13 => Some('b'),
        14 => Some('c'),
        _ => None,
    }
}

/// Writes the nibbles of a number into `octets`, as far as they go, and says how many there were.
pub(crate) fn pack(nibbles: impl Iterator<Item = u8>, octets: &mut [u8]) -> usize {
    let mut count = 0;
    for (nibble, at) in nibbles.zip(0..octets.len() * 2) {
        if at % 2 == 0 {
            octets[at / 2] = nibble | END << 4;
        } else {
            octets[at / 2] = octets[at / 2] & 0x0F | nibble << 4;
        }
        count += 1;
    }
    count
}

/// A digit of a number as its semi-octet.
pub(crate) fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'*' => Some(10),
        b'#' => Some(11),
        b'a' => Some(12),
        b'b' => Some(13),
        b'c' => Some(14),
        _ => None,
    }
}

/// The two digits of an octet as a number; `None` when one is above 9.
pub(crate) fn two_digits(octet: u8) -> Option<u8> {
    let (tens, ones) = (octet & 0x0F, octet >> 4);
    (tens <= 9 && ones <= 9).then_some(tens * 10 + ones)
}

/// A number below 100 as an octet.
pub(crate) fn pack_two_digits(number: u8) -> u8 {
    (number / 10 % 10) | (number % 10) << 4
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_number_is_written_low_nibble_first_and_filled_with_fifteen() {
        let table: [(&str, &[u8]); 5] = [
            ("", &[]),
            ("7", &[0xF7]),
            ("12", &[0x21]),
            ("46708", &[0x64, 0x07, 0xF8]),
            ("*#abc1", &[0xBA, 0xDC, 0x1E]),
        ];
        for (written, octets) in table {
            let mut packed = [0; 4];
            let count = pack(written.bytes().filter_map(nibble), &mut packed);
            assert_eq!(count, written.len());
            assert_eq!(&packed[..octets.len()], octets, "{written}");
            let read: String = digits(octets, octets.len() * 2).collect();
            assert_eq!(read, written);
        }
    }

    #[test]
    fn a_nibble_beyond_the_count_is_not_a_digit_whatever_its_value() {
        for (octets, count) in [(&[0x21, 0x43][..], 3), (&[0x21, 0xF3, 0x65], 6)] {
            assert_eq!(digits(octets, count).collect::<String>(), "123");
            let nibbles: Vec<u8> = nibbles_of_number(octets, count).collect();
            assert_eq!(nibbles, [1, 2, 3]);
        }
    }

    #[test]
    fn two_digits_above_nine_are_no_number() {
        assert_eq!(two_digits(0x21), Some(12));
        assert_eq!(two_digits(0x99), Some(99));
        assert_eq!(two_digits(0xA0), None);
        assert_eq!(two_digits(0x0A), None);
        assert_eq!(pack_two_digits(68), 0x86);
    }

    #[test]
    fn what_is_no_digit_of_a_number_has_no_semi_octet() {
        for other in [b' ', b'+', b'A', b'd', b'/', b':', 0x00, 0xC3] {
            assert_eq!(nibble(other), None, "{other:02X}");
        }
    }
}
