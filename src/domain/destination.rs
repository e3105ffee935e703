//! Phone numbers: from what a person typed to E.164, or a reason (semantics §4).

use std::fmt;
use std::sync::Arc;

use super::redact::{Mask, masked_number};
use super::region::{self, Region};

/// Where a message goes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Destination {
    Number(Msisdn),
    Short(ShortCode),
}

/// A subscriber's number in E.164: `+`, then 7 to 15 digits.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Msisdn(Arc<str>);

/// 3 to 6 digits that an operator routes inside its own network.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct ShortCode(Arc<str>);

/// How numbers without a country code are read.
#[derive(Clone, Copy, Debug)]
pub struct NumberRules {
    /// `None`: E.164 only.
    home: Option<&'static Region>,
    pub allow_short_codes: bool,
    /// The length of every number is held against its country's numbering plan.
    strict: bool,
}

/// Not a number by semantics §4.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidNumber {
    #[error("the number is empty")]
    Empty,
    #[error(
        "character {at} is no part of a phone number; digits, one leading +, spaces, - . ( ) are"
    )]
    Character { at: usize },
    #[error("an international number has 7 to 15 digits after the +, the first not 0")]
    International,
    #[error("a number of China (+86) has 11 digits and begins with 1")]
    China,
    #[error("a number without + is no number of the default region {0}")]
    National(&'static str),
    #[error("no country with this code has numbers of this length (phone.strict)")]
    Length,
    #[error("a number must begin with + and its country code: no default region is configured")]
    NoRegion,
}

impl NumberRules {
    /// `default_region`: an ISO 3166 code, or `""` for E.164 only. `None` when the region is not known.
    pub fn new(default_region: &str, allow_short_codes: bool) -> Option<Self> {
        let home = match default_region {
            "" => None,
            iso => Some(region::by_iso(iso)?),
        };
        Some(Self {
            home,
            allow_short_codes,
            strict: false,
        })
    }

    /// `phone.strict`.
    #[must_use]
    pub fn strict(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// # Errors
    /// [`InvalidNumber`] says what is wrong; a number is never guessed.
    pub fn parse(&self, raw: &str) -> Result<Destination, InvalidNumber> {
        let typed = fold(raw)?;
        let digits = typed.strip_prefix('+').unwrap_or(&typed);
        if digits.is_empty() {
            return Err(InvalidNumber::Empty);
        }
        if self.allow_short_codes && !typed.starts_with('+') && (3..=6).contains(&typed.len()) {
            return Ok(Destination::Short(ShortCode(typed.as_str().into())));
        }
        let international = match (typed.starts_with('+'), typed.strip_prefix("00")) {
            (true, _) => digits.to_owned(),
            (false, Some(rest)) => rest.to_owned(),
            (false, None) => self.with_country(digits)?,
        };
        let number = Msisdn::of_digits(&international)?;
        match self.strict && !region::allows(&international) {
            true => Err(InvalidNumber::Length),
            false => Ok(Destination::Number(number)),
        }
    }

    fn with_country(&self, national: &str) -> Result<String, InvalidNumber> {
        let home = self.home.ok_or(InvalidNumber::NoRegion)?;
        if home.iso == "CN" {
            let mobile = |number: &str| number.len() == 11 && number.starts_with('1');
            return match national.strip_prefix("86") {
                Some(rest) if mobile(rest) => Ok(national.to_owned()),
                _ if mobile(national) => Ok(format!("86{national}")),
                _ => Err(InvalidNumber::National("CN")),
            };
        }
        // A number may begin with what is also the trunk prefix: +7 800… is 8 800… at home, and 800… where the 8 is
        // left out. Whichever has a possible length is meant.
        let trunk_removed = national
            .strip_prefix(home.trunk)
            .filter(|_| !home.trunk.is_empty());
        [trunk_removed, Some(national)]
            .into_iter()
            .flatten()
            .find(|subscriber| home.allows(subscriber.len()))
            .map(|subscriber| format!("{}{subscriber}", home.calling_code))
            .ok_or(InvalidNumber::National(home.iso))
    }
}

/// Removes what people put into numbers: the rest is digits, with at most one `+` before them.
fn fold(raw: &str) -> Result<String, InvalidNumber> {
    // Control characters are white space to Unicode, but in a number they are an attempt at something.
    let trimmed = raw.trim_matches(|c: char| c.is_whitespace() && !c.is_control());
    let without_scheme = trimmed.strip_prefix("tel:").unwrap_or(trimmed);
    let before = without_scheme.as_ptr().addr() - raw.as_ptr().addr();
    let skipped = raw[..before].chars().count();
    let mut typed = String::with_capacity(without_scheme.len());
    for (at, character) in without_scheme.chars().enumerate() {
        match character {
            '0'..='9' => typed.push(character),
            '０'..='９' => typed.push(ascii_digit(character)),
            '+' | '＋' if typed.is_empty() => typed.push('+'),
            ' ' | '-' | '.' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{3000}' => {}
            '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{202a}'..='\u{202e}' => {}
            _ => return Err(InvalidNumber::Character { at: at + skipped }),
        }
    }
    Ok(typed)
}

fn ascii_digit(full_width: char) -> char {
    let value = u32::from(full_width) - u32::from('０');
    char::from_digit(value, 10).expect("called for the ten full-width digits only")
}

impl Msisdn {
    fn of_digits(digits: &str) -> Result<Self, InvalidNumber> {
        if !(7..=15).contains(&digits.len()) || digits.starts_with('0') {
            return Err(InvalidNumber::International);
        }
        if let Some(national) = digits.strip_prefix("86")
            && (national.len() != 11 || !national.starts_with('1'))
        {
            return Err(InvalidNumber::China);
        }
        Ok(Self(format!("+{digits}").into()))
    }

    /// `+8613800138000`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `8613800138000`.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// `13800138000`: without `+` and country code, and without a trunk prefix.
    pub fn national(&self) -> &str {
        region::subscriber(self.digits())
    }

    /// ISO 3166 by the longest country code that fits; `None` for codes of no country (satellites, networks).
    pub fn country(&self) -> Option<&'static str> {
        region::of_number(&self.0[1..])
    }
}

impl ShortCode {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Destination {
    /// What goes into the destination address of a PDU, and what the store keeps.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(number) => number.as_str(),
            Self::Short(code) => code.as_str(),
        }
    }

    pub fn country(&self) -> Option<&'static str> {
        match self {
            Self::Number(number) => number.country(),
            Self::Short(_) => None,
        }
    }

    /// Reads back what [`Destination::as_str`] gave.
    pub fn stored(text: &str) -> Option<Self> {
        match text.strip_prefix('+') {
            Some(digits) => Msisdn::of_digits(digits).ok().map(Self::Number),
            None => {
                let short =
                    (3..=6).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
                short.then(|| Self::Short(ShortCode(text.into())))
            }
        }
    }
}

impl Mask for Destination {
    fn mask(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked_number(self.as_str()))
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked_number(&self.0))
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked_number(&self.0))
    }
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parsed(region: &str, raw: &str) -> Result<String, InvalidNumber> {
        let rules = NumberRules::new(region, false).unwrap();
        rules.parse(raw).map(|to| to.as_str().to_owned())
    }

    #[test]
    fn a_number_without_its_country_code_is_the_national_one() {
        for (number, national) in [
            ("+8613800138000", "13800138000"),
            ("+15017122661", "5017122661"),
            ("+447700900000", "7700900000"),
            ("+77012345678", "7012345678"),
            ("+85212345678", "12345678"),
        ] {
            let to = NumberRules::new("", false).unwrap().parse(number).unwrap();
            let Destination::Number(to) = to else {
                panic!()
            };
            assert_eq!((to.national(), to.digits()), (national, &number[1..]));
        }
    }

    #[test]
    fn what_people_type_becomes_e164() {
        for (region, raw, expected) in [
            ("CN", "13800138000", "+8613800138000"),
            ("CN", " +86 138-0013-8000 ", "+8613800138000"),
            ("CN", "8613800138000", "+8613800138000"),
            ("CN", "008613800138000", "+8613800138000"),
            ("CN", "tel:+86.138.0013.8000", "+8613800138000"),
            ("CN", "＋８６１３８００１３８０００", "+8613800138000"),
            ("CN", "+1 (234) 567-8901", "+12345678901"),
            ("DE", "0170 1234567", "+491701234567"),
            ("US", "(212) 555-0100", "+12125550100"),
            ("IT", "0612345678", "+390612345678"),
            ("", "+44\u{a0}7700\u{200b}900123", "+447700900123"),
        ] {
            assert_eq!(parsed(region, raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_with_its_reason() {
        use InvalidNumber::*;
        for (region, raw, expected) in [
            ("CN", "", Empty),
            ("CN", "+", Empty),
            ("CN", "138001380o0", Character { at: 9 }),
            ("CN", "13800138000\r\nAT+CFUN=0", Character { at: 11 }),
            ("CN", "13800138000\r", Character { at: 11 }),
            ("CN", "\n13800138000", Character { at: 0 }),
            ("CN", "13800138000;", Character { at: 11 }),
            ("CN", "138\u{1b}00138000", Character { at: 3 }),
            ("CN", "138\u{1a}00138000", Character { at: 3 }),
            ("CN", "+86+13800138000", Character { at: 3 }),
            ("CN", "23800138000", National("CN")),
            ("CN", "+8623800138000", China),
            ("CN", "+012345678", International),
            ("CN", "+123456", International),
            ("CN", "+1234567890123456", International),
            ("", "13800138000", NoRegion),
            ("DE", "017", National("DE")),
        ] {
            assert_eq!(parsed(region, raw), Err(expected), "{raw:?}");
        }
    }

    #[test]
    fn a_trunk_prefix_is_removed_where_it_is_one() {
        for (region, raw, expected) in [
            // 8 is the trunk prefix of Russia, and 800 its free phone.
            ("RU", "8 800 100 00 00", "+78001000000"),
            ("RU", "800 100 00 00", "+78001000000"),
            ("GB", "020 7946 0018", "+442079460018"),
            ("HU", "06 20 123 4567", "+36201234567"),
            ("JM", "876 210 1234", "+18762101234"),
            ("ES", "612 34 56 78", "+34612345678"),
        ] {
            assert_eq!(parsed(region, raw).as_deref(), Ok(expected), "{raw}");
        }
    }

    #[test]
    fn strict_holds_every_number_against_its_countrys_plan() {
        let lax = NumberRules::new("CN", false).unwrap();
        let strict = lax.strict(true);
        for (raw, fits) in [
            ("+442079460018", true),
            ("+44207946001800", false),
            ("+12125550100", true),
            ("+121255501000", false),
            // No country's: a satellite phone. And nobody's at all.
            ("+881612345678", true),
            ("+999123456789", false),
        ] {
            assert!(lax.parse(raw).is_ok(), "{raw}");
            assert_eq!(strict.parse(raw).is_ok(), fits, "{raw}");
        }
        assert_eq!(strict.parse("+44207946001800"), Err(InvalidNumber::Length));
    }

    #[test]
    fn short_codes_are_read_only_where_they_are_allowed() {
        let rules = NumberRules::new("CN", true).unwrap();
        assert_eq!(rules.parse("10086").unwrap().as_str(), "10086");
        assert_eq!(parsed("CN", "10086"), Err(InvalidNumber::National("CN")));
    }

    #[test]
    fn a_country_is_the_longest_code_that_fits() {
        for (number, country) in [
            ("+8613800138000", Some("CN")),
            ("+85291234567", Some("HK")),
            ("+12125550100", Some("US")),
            ("+14165550100", Some("CA")),
            ("+18765550100", Some("JM")),
            ("+77011234567", Some("KZ")),
            ("+79031234567", Some("RU")),
            ("+881612345678", None),
        ] {
            let Some(Destination::Number(number)) = Destination::stored(number) else {
                panic!("{number}");
            };
            assert_eq!(number.country(), country, "{}", number.as_str());
        }
    }

    #[test]
    fn a_number_does_not_show_itself_in_a_log() {
        let to = Destination::stored("+8613800138000").unwrap();
        assert_eq!(format!("{to:?}"), "Number(+86138****8000)");
    }
}
