//! Semi-octets: two decimal digits in an octet, the first one in the low nibble (23.040 §9.1.2.3).
//!
//! Not here: what the digits mean; see `address` and `timestamp`.

use alloc::string::String;
use alloc::vec::Vec;

/// Both nibbles of each octet, in the order in which they are read.
pub(crate) fn nibbles(octets: &[u8]) -> impl Iterator<Item = u8> {
    octets.iter().flat_map(|octet| [octet & 0x0F, octet >> 4])
}

/// The digits of a number, up to its end mark or to `count` semi-octets.
pub(crate) fn digits(octets: &[u8], count: usize) -> String {
    nibbles(octets).take(count).map_while(digit).collect()
}

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

/// The octets of a number; the last one is filled with 15. What is not a digit is not written.
pub(crate) fn pack_digits(digits: &str) -> Vec<u8> {
    let nibbles: Vec<u8> = digits.chars().filter_map(nibble).collect();
    nibbles
        .chunks(2)
        .map(|pair| match pair {
            [low, high] => low | high << 4,
            [low] => low | 0xF0,
            _ => 0xFF,
        })
        .collect()
}

fn nibble(digit: char) -> Option<u8> {
    match digit {
        '0'..='9' => Some(digit as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'a' => Some(12),
        'b' => Some(13),
        'c' => Some(14),
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
            assert_eq!(pack_digits(written), octets, "{written}");
            assert_eq!(digits(octets, octets.len() * 2), written);
        }
    }

    #[test]
    fn a_nibble_beyond_the_count_is_not_a_digit_whatever_its_value() {
        assert_eq!(digits(&[0x21, 0x43], 3), "123");
        assert_eq!(digits(&[0x21, 0xF3, 0x65], 6), "123");
    }

    #[test]
    fn two_digits_above_nine_are_no_number() {
        assert_eq!(two_digits(0x21), Some(12));
        assert_eq!(two_digits(0x99), Some(99));
        assert_eq!(two_digits(0xA0), None);
        assert_eq!(two_digits(0x0A), None);
        assert_eq!(pack_two_digits(68), 0x86);
    }
}
