//! Addresses: who sends, who receives, which service centre (23.040 §9.1.2.5).
//!
//! Not here: what a number is in a dialling plan. Nothing is stripped, completed or normalised.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{DecodeError, Malformed};
use crate::gsm7::tables::Tables;
use crate::gsm7::{self, Septets, Unpacked};
use crate::reader::Reader;
use crate::semi_octet;

/// An address of a TPDU: digits or, from some senders, a name.
///
/// `Debug` and [`number`](Self::number) show it in full; what is logged is the caller's care.
///
/// ```
/// use pdu_codec::{Address, TypeOfNumber};
///
/// let address = Address::parse("+491701234567").unwrap();
/// assert_eq!(address.number(), "+491701234567");
/// assert_eq!(address.type_of_number(), TypeOfNumber::International);
/// assert!(Address::parse("+49 170").is_err());
/// ```
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Address {
    type_of_number: TypeOfNumber,
    numbering_plan: NumberingPlan,
    /// Those that count: the digits up to an end mark, or seven for four septets of a name. A service centre's address
    /// may have 508 of them, because its length counts octets.
    semi_octets: u16,
    value: Value,
}

/// The value as it is written; what is left of its last octet is filled.
#[derive(Clone, Eq, Hash, PartialEq)]
enum Value {
    /// What the specification allows, and zeros behind it. Most addresses are copied for each part of a message.
    Usual([u8; LONGEST / 2]),
    /// What a length octet can promise besides.
    Overlong(Vec<u8>),
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address")
            .field("number", &self.number())
            .field("type_of_number", &self.type_of_number)
            .field("numbering_plan", &self.numbering_plan)
            .finish()
    }
}

impl Address {
    /// Reads a number as a client writes it: an optional `+`, then 1 to 20 of `0`-`9`, `*` and `#`.
    ///
    /// With `+` it is an international number, without one its type is unknown (type of address 91 and 81).
    pub fn parse(number: &str) -> Result<Self, AddressError> {
        let (type_of_number, digits) = match number.strip_prefix('+') {
            Some(digits) => (TypeOfNumber::International, digits),
            None => (TypeOfNumber::Unknown, number),
        };
        if digits.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(at) = digits.find(|c| !matches!(c, '0'..='9' | '*' | '#')) {
            let sign = number.len() - digits.len();
            return Err(AddressError::NotADigit { at: sign + at });
        }
        if digits.len() > LONGEST {
            let digits = digits.len();
            return Err(AddressError::TooLong { digits });
        }
        let mut octets = [0; LONGEST / 2];
        semi_octet::pack(digits.bytes().filter_map(semi_octet::nibble), &mut octets);
        Ok(Self {
            type_of_number,
            numbering_plan: NumberingPlan::TELEPHONE,
            semi_octets: semi_octets_of(digits.len()),
            value: Value::Usual(octets),
        })
    }

    /// The number as it is shown: `+` before the digits of an international number, the text of a name.
    ///
    /// Besides digits a number may hold `*`, `#`, `a`, `b` and `c`. It is empty when the address has no digits.
    pub fn number(&self) -> String {
        if self.type_of_number == TypeOfNumber::Alphanumeric {
            let septets = Septets(usize::from(self.semi_octets) * 4 / 7);
            return gsm7::decode(
                Unpacked::from(self.octets(), septets).septets(),
                Tables::DEFAULT,
            );
        }
        let mut number = String::with_capacity(1 + usize::from(self.semi_octets));
        if self.type_of_number == TypeOfNumber::International && self.semi_octets > 0 {
            number.push('+');
        }
        number.extend(semi_octet::digits(self.octets(), self.semi_octets.into()));
        number
    }

    /// What kind of number it claims to be.
    pub fn type_of_number(&self) -> TypeOfNumber {
        self.type_of_number
    }

    /// The plan that the number belongs to.
    pub fn numbering_plan(&self) -> NumberingPlan {
        self.numbering_plan
    }

    /// Reads originator, destination or recipient: the length octet counts semi-octets.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let semi_octets = usize::from(reader.octet("length")?);
        let kind = reader.octet("type")?;
        let left = reader.rest().len();
        let at = reader.at();
        let octets = reader
            .take(semi_octets.div_ceil(2), "address")
            .map_err(|_| {
                let promised = semi_octets;
                DecodeError::new("address", at, Malformed::AddressTooShort { promised, left })
            })?;
        Ok(Self::of(kind, octets, semi_octets))
    }

    /// Reads the service centre's address: the length octet counts octets, the type included; 0 is no address.
    pub(crate) fn read_service_centre(
        reader: &mut Reader<'_>,
    ) -> Result<Option<Self>, DecodeError> {
        let length = usize::from(reader.octet("length")?);
        let Some((kind, octets)) = reader.take(length, "address")?.split_first() else {
            return Ok(None);
        };
        Ok(Some(Self::of(*kind, octets, octets.len() * 2)))
    }

    fn of(kind: u8, octets: &[u8], semi_octets: usize) -> Self {
        let type_of_number = TypeOfNumber::from_bits(kind >> 4);
        let mut usual = [0; LONGEST / 2];
        let mut overlong = Vec::new();
        let value = match usual.get_mut(..octets.len()) {
            Some(value) => value,
            None => {
                overlong.resize(octets.len(), 0);
                &mut overlong[..]
            }
        };
        let semi_octets = if type_of_number == TypeOfNumber::Alphanumeric {
            copy_name(octets, semi_octets, value)
        } else {
            let digits = semi_octet::nibbles_of_number(octets, semi_octets);
            semi_octet::pack(digits, value)
        };
        overlong.truncate(semi_octets.div_ceil(2));
        // An end mark may leave few of many.
        if let Some(few) = usual.get_mut(..overlong.len()) {
            few.copy_from_slice(&overlong);
            overlong.clear();
        }
        Self {
            type_of_number,
            numbering_plan: NumberingPlan(kind & 0x0F),
            semi_octets: semi_octets_of(semi_octets),
            value: if overlong.is_empty() {
                Value::Usual(usual)
            } else {
                Value::Overlong(overlong)
            },
        }
    }

    fn octets(&self) -> &[u8] {
        let octets = usize::from(self.semi_octets).div_ceil(2);
        match &self.value {
            Value::Usual(value) => &value[..octets],
            Value::Overlong(value) => value,
        }
    }

    /// Writes it with a length in semi-octets.
    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        // Only a service centre's address can be longer than that, and it loses what the length cannot say.
        let semi_octets = length_octet(self.semi_octets.into());
        octets.push(semi_octets);
        octets.push(self.kind());
        octets.extend_from_slice(&self.octets()[..usize::from(semi_octets).div_ceil(2)]);
    }

    /// Writes it with a length in octets, the type included.
    pub(crate) fn write_service_centre(&self, octets: &mut Vec<u8>) {
        octets.push(length_octet(self.octets().len() + 1));
        octets.push(self.kind());
        octets.extend_from_slice(self.octets());
    }

    fn kind(&self) -> u8 {
        0x80 | self.type_of_number.bits() << 4 | self.numbering_plan.0
    }
}

/// The septets of a name and zeros behind them; says how many semi-octets they are.
fn copy_name(octets: &[u8], semi_octets: usize, value: &mut [u8]) -> usize {
    // 23.040 §9.1.2.5: the length counts semi-octets for a name as well.
    let septets = Septets(semi_octets * 4 / 7);
    let length = septets.octets();
    value[..length].copy_from_slice(&octets[..length]);
    if let Some(last) = value[..length].last_mut() {
        let spare = length * 8 - septets.0 * 7;
        *last &= 0xFF >> spare;
    }
    (septets.0 * 7).div_ceil(4)
}

/// A length octet read it or `parse` bounded it, so it fits.
fn semi_octets_of(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// A length octet read it or `parse` bounded it, and it does not grow when it is written.
fn length_octet(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

/// 23.040 §9.1.2.5: an address field has 12 octets at most, 10 of them for digits.
const LONGEST: usize = 20;

/// What kind of number an address holds (23.040 §9.1.2.5, bits 6 to 4 of the type of address).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TypeOfNumber {
    /// Nothing is known: as dialled.
    Unknown,
    /// Begins with a country code.
    International,
    /// Without a country code.
    National,
    /// A service of the network.
    NetworkSpecific,
    /// Without any prefix.
    Subscriber,
    /// A name, in the GSM 7 bit default alphabet.
    Alphanumeric,
    /// Abbreviated.
    Abbreviated,
    /// The reserved value 7.
    Reserved,
}

impl TypeOfNumber {
    fn from_bits(bits: u8) -> Self {
        match bits & 0x07 {
            0 => Self::Unknown,
            1 => Self::International,
            2 => Self::National,
            3 => Self::NetworkSpecific,
            4 => Self::Subscriber,
            5 => Self::Alphanumeric,
            6 => Self::Abbreviated,
            _ => Self::Reserved,
        }
    }

    /// The value on the wire, 0 to 7.
    pub const fn bits(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::International => 1,
            Self::National => 2,
            Self::NetworkSpecific => 3,
            Self::Subscriber => 4,
            Self::Alphanumeric => 5,
            Self::Abbreviated => 6,
            Self::Reserved => 7,
        }
    }
}

/// The plan that a number belongs to (23.040 §9.1.2.5, bits 3 to 0 of the type of address).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct NumberingPlan(u8);

impl NumberingPlan {
    /// The telephone numbering plan of E.164.
    pub const TELEPHONE: Self = Self(1);

    /// The value on the wire, 0 to 15.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// Why something is not a number to send to. It never repeats what was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressError {
    /// No digit at all.
    Empty,
    /// Something else than `0`-`9`, `*` and `#`.
    NotADigit {
        /// Where, in octets from the start.
        at: usize,
    },
    /// More digits than an address field holds.
    TooLong {
        /// So many.
        digits: usize,
    },
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a number needs at least one digit"),
            Self::NotADigit { at } => write!(f, "not a digit, * or # at position {at}"),
            Self::TooLong { digits } => write!(f, "{digits} digits, {LONGEST} at most"),
        }
    }
}

impl core::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn a_number_is_written_with_its_type_and_its_length_in_digits() {
        let table: [(&str, &[u8]); 5] = [
            (
                "+27820001111",
                &[0x0B, 0x91, 0x72, 0x28, 0x00, 0x10, 0x11, 0xF1],
            ),
            ("0126541234", &[0x0A, 0x81, 0x10, 0x62, 0x45, 0x21, 0x43]),
            ("1002", &[0x04, 0x81, 0x01, 0x20]),
            ("7", &[0x01, 0x81, 0xF7]),
            ("*21#", &[0x04, 0x81, 0x2A, 0xB1]),
        ];
        for (number, octets) in table {
            let address = Address::parse(number).unwrap();
            let mut written = vec![];
            address.write(&mut written);
            assert_eq!(written, octets, "{number}");
            assert_eq!(Address::read(&mut Reader::new(octets)), Ok(address));
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused_and_nothing_is_stripped() {
        let table = [
            ("", AddressError::Empty),
            ("+", AddressError::Empty),
            ("CALLME", AddressError::NotADigit { at: 0 }),
            ("+49 170", AddressError::NotADigit { at: 3 }),
            ("++49", AddressError::NotADigit { at: 1 }),
            ("49+", AddressError::NotADigit { at: 2 }),
            (" 49", AddressError::NotADigit { at: 0 }),
            ("１２", AddressError::NotADigit { at: 0 }),
            (
                "123456789012345678901",
                AddressError::TooLong { digits: 21 },
            ),
        ];
        for (number, error) in table {
            assert_eq!(Address::parse(number), Err(error), "{number}");
        }
        assert!(Address::parse("+12345678901234567890").is_ok());
    }

    #[test]
    fn a_name_has_as_many_characters_as_its_semi_octets_hold() {
        let table: [(&[u8], &str); 4] = [
            (&[0x02, 0xD0, 0x41], "A"),
            (&[0x09, 0xD0, 0x41, 0xE1, 0x90, 0x58, 0x04], "ABCDE"),
            (
                &[0x0D, 0xD0, 0xCD, 0xF2, 0x39, 0x6C, 0x7E, 0xBB, 0x01],
                "Megafon",
            ),
            (&[0x04, 0xD0, 0x11, 0x00], "_@"),
        ];
        for (octets, name) in table {
            let address = Address::read(&mut Reader::new(octets)).unwrap();
            assert_eq!(address.number(), name);
            assert_eq!(address.type_of_number(), TypeOfNumber::Alphanumeric);
            let mut written = vec![];
            address.write(&mut written);
            assert_eq!(written, octets);
        }
    }

    #[test]
    fn a_service_centre_counts_octets() {
        let address = Address::parse("12345").unwrap();
        let mut written = vec![];
        address.write_service_centre(&mut written);
        assert_eq!(written, [0x04, 0x81, 0x21, 0x43, 0xF5]);
        let read = Address::read_service_centre(&mut Reader::new(&written));
        assert_eq!(read, Ok(Some(address)));
        let none = Address::read_service_centre(&mut Reader::new(&[0]));
        assert_eq!(none, Ok(None));
    }

    /// Its length was kept in one octet, as if it counted semi-octets: the number ended after 255 digits, a name after
    /// 145 characters.
    #[test]
    fn a_service_centre_of_254_octets_is_shown_whole() {
        let digits = [&[0xFF, 0x91][..], &[0x21; 254]].concat();
        let name = [&[0xFF, 0xD0][..], &[0x00; 254]].concat();
        for (octets, number) in [
            (digits, alloc::format!("+{}", "12".repeat(254))),
            (name, "@".repeat(290)),
        ] {
            let read = Address::read_service_centre(&mut Reader::new(&octets));
            let address = read.unwrap().unwrap();
            assert_eq!(address.number(), number);
            let mut written = vec![];
            address.write_service_centre(&mut written);
            assert_eq!(written, octets);
            // As a recipient it is cut to what its length can say.
            let mut written = vec![];
            address.write(&mut written);
            assert_eq!(written.len(), 2 + 128);
            assert_eq!(written[..2], [0xFF, octets[1]]);
        }
    }

    #[test]
    fn a_number_without_digits_is_empty() {
        let octets = [0x00, 0x91];
        let address = Address::read(&mut Reader::new(&octets)).unwrap();
        assert_eq!(address.number(), "");
    }

    #[test]
    fn an_address_is_shown_with_its_type_and_plan() {
        let address = Address::parse("+4917*").unwrap();
        assert_eq!(
            alloc::format!("{address:?}"),
            "Address { number: \"+4917*\", type_of_number: International, numbering_plan: NumberingPlan(1) }"
        );
    }
}
