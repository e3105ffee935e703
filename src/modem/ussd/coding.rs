//! The codings of USSD: how a code is written, and what is made of whatever a modem gives for the network's answer.
//!
//! 27.007 §7.15 leaves the coding to `+CSCS` and the data coding scheme; makers do as they like. What they are known to do
//! is in their profile; the rest is guessed from what stands there, and every guess has an answer.

use pdu_codec::{Septets, gsm7, hex_from_octets, octets_from_hex};

/// How a text stands between the quotes of `+CUSD`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::modem) enum Coding {
    /// As it is.
    Text,
    /// Septets of the default alphabet, packed, as hexadecimal (23.038 §6.1.2.3).
    Packed,
    /// UCS2 as hexadecimal: what `AT+CSCS="UCS2"` asks for.
    Ucs2,
}

impl Coding {
    /// The word of a profile.
    pub(in crate::modem) fn parse(word: &str) -> Option<Self> {
        match word {
            "text" => Some(Self::Text),
            "packed" => Some(Self::Packed),
            "ucs2" => Some(Self::Ucs2),
            _ => None,
        }
    }

    /// `code`: ASCII, as a [`UssdCode`](crate::domain::UssdCode) holds it.
    pub(super) fn written(self, code: &str) -> String {
        match self {
            Self::Text => code.to_owned(),
            Self::Packed => packed(code),
            Self::Ucs2 => code
                .encode_utf16()
                .map(|unit| format!("{unit:04X}"))
                .collect(),
        }
    }
}

fn packed(code: &str) -> String {
    let is_filled = |septets: Septets| septets.0 % 8 == 7;
    let padded = match gsm7::packed(code) {
        Some((_, septets)) if is_filled(septets) => format!("{code}\r"),
        _ => code.to_owned(),
    };
    // 23.038 §6.1.2.3.1: a CR in the seven bits that are left over, lest an @ be read there.
    gsm7::packed(&padded).map_or_else(String::new, |(octets, _)| hex_from_octets(&octets))
}

/// What the network said. `spoken`: how the code was written, `scheme`: the data coding scheme, if one was told.
pub(super) fn read(raw: &str, scheme: Option<u8>, spoken: Coding) -> String {
    let Some(octets) = hexadecimal(raw) else {
        return letters_of_gsm(raw);
    };
    let ucs2 = || as_ucs2(&octets);
    let packed = || as_packed(&octets);
    let found = match (scheme.map(alphabet), spoken) {
        // Some say so and give garbage behind it; some say so and mean it.
        (Some(Scheme::Ucs2), _) => ucs2().or_else(packed),
        // Quectel M35: whoever asked in UCS2 is answered in it, whatever the scheme says.
        (_, Coding::Ucs2) => ucs2().or_else(packed),
        (_, Coding::Packed) => packed().or_else(ucs2),
        // A modem that takes text gives text; hexadecimal that is one alphabet throughout is no accident.
        (_, Coding::Text) => ucs2()
            .filter(|_| has_one_high_octet(&octets))
            .or_else(|| packed().filter(|text| has_letters(raw) && reads_well(text))),
    };
    found.unwrap_or_else(|| raw.to_owned())
}

#[derive(Clone, Copy, PartialEq)]
enum Scheme {
    Ucs2,
    Other,
}

/// 23.038 §5, and 8, which is UCS2 in the scheme of texts and is given here by some.
fn alphabet(scheme: u8) -> Scheme {
    match scheme {
        0x08 | 0x11 => Scheme::Ucs2,
        // General data coding: bits 3 and 2 are the alphabet.
        0x40..=0x7F if scheme & 0x0C == 0x08 => Scheme::Ucs2,
        _ => Scheme::Other,
    }
}

fn hexadecimal(raw: &str) -> Option<Vec<u8>> {
    octets_from_hex(raw)
        .ok()
        .filter(|octets| !octets.is_empty())
}

/// Up to the first thing that is no character: HE910 gives FFFF and EEEE behind its texts.
fn as_ucs2(octets: &[u8]) -> Option<String> {
    let units = octets
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let units: Vec<u16> = units.take_while(|unit| !is_garbage(*unit)).collect();
    let text = String::from_utf16(&units).ok()?;
    is_printable(&text).then_some(text)
}

fn is_garbage(unit: u16) -> bool {
    // Non-characters, and the private area, of which no network knows what a phone would show.
    unit >= 0xFFFE || (0xE000..=0xF8FF).contains(&unit)
}

fn as_packed(octets: &[u8]) -> Option<String> {
    let text = gsm7::text_of(octets, Septets::that_fit(octets.len()));
    let text = match octets.len() % 7 {
        // The last septet may be what filled the octets up: a CR, or zeros, which read as @.
        0 => text.strip_suffix(['\r', '@']).unwrap_or(&text),
        _ => &text,
    };
    is_printable(text).then(|| text.to_owned())
}

/// Something that can be shown.
fn is_printable(text: &str) -> bool {
    let is_shown = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\u{1b}');
    !text.is_empty() && text.chars().all(is_shown)
}

/// Nine of ten units are of one block of 256 characters or of the first, where digits and blanks are, as texts in one
/// alphabet are. Decimal digits alone are a number, unless zeros stand between them.
fn has_one_high_octet(octets: &[u8]) -> bool {
    let (units, half) = octets.as_chunks::<2>();
    let times = |octet: u8| units.iter().filter(|unit| unit[0] == octet).count();
    let Some(most) = units
        .iter()
        .map(|unit| unit[0])
        .max_by_key(|octet| times(*octet))
    else {
        return false;
    };
    let alike = units
        .iter()
        .filter(|unit| unit[0] == most || unit[0] == 0)
        .count();
    let is_number = times(0) == 0 && !has_letters(&hex_from_octets(octets));
    half.is_empty() && units.len() >= 2 && alike * 10 >= units.len() * 9 && !is_number
}

/// Of the hexadecimal digits: decimal ones alone may as well be a number.
fn has_letters(raw: &str) -> bool {
    raw.bytes().any(|octet| octet.is_ascii_alphabetic())
}

/// What people write to people: letters, digits, blanks and the usual signs make up most of it.
fn reads_well(text: &str) -> bool {
    let usual = |c: &char| c.is_ascii_alphanumeric() || " .,:;!?*#+-/()%\n\r'".contains(*c);
    let all = text.chars().count();
    text.chars().filter(usual).count() * 10 >= all * 9
}

/// Some hand the octets of the default alphabet on as they are: `w{hlen`. A brace between two letters is a letter.
fn letters_of_gsm(raw: &str) -> String {
    let characters: Vec<char> = raw.chars().collect();
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| characters.get(at))
            .is_some_and(|c| c.is_alphabetic() || letter_of_gsm(*c).is_some())
    };
    let read = |(at, &character): (usize, &char)| match letter_of_gsm(character) {
        Some(letter) if is_letter(at.checked_sub(1)) && is_letter(Some(at + 1)) => letter,
        _ => character,
    };
    characters.iter().enumerate().map(read).collect()
}

/// 23.038 §6.2.1: what the default alphabet has where ASCII has brackets.
fn letter_of_gsm(character: char) -> Option<char> {
    Some(match character {
        '[' => 'Ä',
        '\\' => 'Ö',
        ']' => 'Ñ',
        '^' => 'Ü',
        '{' => 'ä',
        '|' => 'ö',
        '}' => 'ñ',
        '~' => 'ü',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_written_as_the_modem_wants_it() {
        for (coding, code, written) in [
            (Coding::Text, "*100#", "*100#"),
            (Coding::Packed, "*100#", "AA180C3602"),
            // Seven septets: a CR fills the octets up.
            (Coding::Packed, "*100*1#", "AA180CA68A8D1A"),
            (Coding::Ucs2, "*99#", "002A003900390023"),
        ] {
            assert_eq!(coding.written(code), written, "{coding:?} {code}");
        }
    }

    #[test]
    fn answers_are_read_whatever_the_maker_made_of_them() {
        for (raw, scheme, spoken, expected) in [
            // Huawei E160.
            (
                "49B41C74ACD3D16171D90D32FBE52072BA0C72CA5DB45CAC76C3CD6CB41B2D060389CB74F9FE4C07D55C371CA85897BF1B",
                Some(15),
                Coding::Packed,
                "Ihr Guthaben für die Nr.",
            ),
            // E3276: UCS2 by its scheme.
            (
                "0414043B044F00200441043F044004300432043A0438",
                Some(72),
                Coding::Packed,
                "Для справки",
            ),
            // HE910: garbage behind the text.
            ("00480069FFFFEEEE", Some(17), Coding::Text, "Hi"),
            // M35: UCS2, and a scheme that does not say so.
            (
                "00420061006C0061006E0063006500200033",
                Some(15),
                Coding::Ucs2,
                "Balance 3",
            ),
            (
                "00420061006C0061006E0063006500200033",
                Some(15),
                Coding::Text,
                "Balance 3",
            ),
            // E3531: asked packed, answers as it likes.
            ("Balance 3.00", Some(15), Coding::Packed, "Balance 3.00"),
            // The default alphabet, handed on raw.
            (
                "Bitte w{hlen Sie: [1] Konto",
                None,
                Coding::Text,
                "Bitte wählen Sie: [1] Konto",
            ),
            // A number is a number.
            ("12345678", Some(15), Coding::Text, "12345678"),
            ("", Some(15), Coding::Packed, ""),
            ("0", None, Coding::Ucs2, "0"),
        ] {
            let read = read(raw, scheme, spoken);
            assert!(read.starts_with(expected), "{raw}: {read:?}");
        }
    }

    #[test]
    fn an_answer_that_fills_its_octets_has_no_at_sign_behind_it() {
        for filled_with_zeros_or_a_return in ["D7327BFC6E9701", "D7327BFC6E971B"] {
            let read = read(filled_with_zeros_or_a_return, Some(15), Coding::Packed);
            assert_eq!(read, "Welcome");
        }
    }

    fn codings() -> impl Strategy<Value = Coding> {
        prop_oneof![Just(Coding::Text), Just(Coding::Packed), Just(Coding::Ucs2)]
    }

    proptest! {
        #[test]
        fn whatever_comes_something_is_read(raw in ".{0,200}", scheme: Option<u8>, spoken in codings()) {
            read(&raw, scheme, spoken);
        }

        #[test]
        fn whatever_hexadecimal_comes_something_is_read(
            raw in "([0-9A-Fa-f]{2}){1,120}", scheme: Option<u8>, spoken in codings()
        ) {
            prop_assert!(!read(&raw, scheme, spoken).is_empty());
        }

        #[test]
        fn what_is_written_in_a_coding_is_read_in_it(code in "[0-9*#+A-Za-z]{1,100}", spoken in codings()) {
            let scheme = Some(match spoken {
                Coding::Ucs2 => 72,
                _ => 15,
            });
            let told = spoken.written(&code);
            if spoken != Coding::Text {
                prop_assert_eq!(read(&told, scheme, spoken), code);
            }
        }
    }
}
