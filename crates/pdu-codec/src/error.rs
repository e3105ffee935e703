//! What can go wrong, and where: a decoding error carries the path of the field and the octet.
//!
//! Not here: [`AddressError`](crate::AddressError), which is about what a human typed.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Where and why octets could not be read.
///
/// ```
/// use pdu_codec::Tpdu;
///
/// let error = Tpdu::decode(&[0x04, 0x0E, 0x91, 0x13, 0x46, 0x61]).unwrap_err();
/// assert_eq!(error.to_string(), "deliver.oa.address at octet 3: 14 semi-octets promised, 3 octets left");
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DecodeError {
    path: String,
    offset: usize,
    why: Malformed,
}

impl DecodeError {
    pub(crate) fn new(field: &str, offset: usize, why: Malformed) -> Self {
        Self {
            path: String::from(field),
            offset,
            why,
        }
    }

    /// Called by the enclosing field on the way out: `oa.address` inside `deliver` reads `deliver.oa.address`.
    pub(crate) fn within(mut self, outer: &str) -> Self {
        self.path = format!("{outer}.{}", self.path);
        self
    }

    /// The field, outermost first: `deliver.oa.address`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The octet at which reading stopped, counted from 0 at the start of what was given to be decoded.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What was wrong there.
    pub fn why(&self) -> &Malformed {
        &self.why
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}: {}", self.path, self.offset, self.why)
    }
}

impl core::error::Error for DecodeError {}

/// What was wrong with octets that could not be read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Malformed {
    /// The field needs more octets than there are.
    TooShort {
        /// Octets that the field needs.
        wanted: usize,
        /// Octets that are there.
        left: usize,
    },
    /// An address promises more semi-octets than there are.
    AddressTooShort {
        /// Semi-octets that the length octet announces.
        promised: usize,
        /// Octets that are there; each holds two semi-octets.
        left: usize,
    },
    /// TP-MTI names another message type than the one that was asked for.
    OtherMessageType {
        /// The two lowest bits of the first octet.
        mti: u8,
    },
    /// There is nothing between the white space.
    Empty,
    /// Something that is not a hexadecimal digit.
    NotHexadecimal,
    /// The last octet has one digit only.
    HalfAnOctet,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort { wanted, left } => {
                write!(f, "{} wanted, {} left", Octets(*wanted), Octets(*left))
            }
            Self::AddressTooShort { promised, left } => {
                write!(f, "{promised} semi-octets promised, {} left", Octets(*left))
            }
            Self::OtherMessageType { mti } => write!(f, "message type {mti} is another one"),
            Self::Empty => f.write_str("nothing there"),
            Self::NotHexadecimal => f.write_str("not a hexadecimal digit"),
            Self::HalfAnOctet => f.write_str("half an octet"),
        }
    }
}

/// A number of octets, in words.
struct Octets(usize);

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 octet"),
            n => write!(f, "{n} octets"),
        }
    }
}

/// A character that the GSM 7 bit alphabet, with the tables that were offered, does not hold.
///
/// It is part of a message: `Debug` shows it, a log should not.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Stranger {
    /// The character.
    pub character: char,
    /// Where it stands in the text, in characters from 0.
    pub at: usize,
}

/// A text holds characters that are not in the GSM 7 bit alphabet, which was demanded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotEncodable {
    /// Each of them once, where it stands first.
    pub offending: Vec<Stranger>,
}

impl fmt::Display for NotEncodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offending.len() {
            1 => f.write_str("1 character is not in the GSM 7 bit alphabet"),
            n => write!(
                f,
                "{n} different characters are not in the GSM 7 bit alphabet"
            ),
        }
    }
}

impl core::error::Error for NotEncodable {}

/// Why a message could not be made into TPDUs.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The text does not fit the alphabet that was demanded.
    NotEncodable(NotEncodable),
    /// 23.040 §9.2.3.24.1: the total is one octet, so a message has 255 parts at most.
    TooManyParts {
        /// The parts that would be needed.
        parts: usize,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEncodable(error) => error.fmt(f),
            Self::TooManyParts { parts } => write!(f, "{parts} parts needed, 255 at most"),
        }
    }
}

impl core::error::Error for EncodeError {}

impl From<NotEncodable> for EncodeError {
    fn from(error: NotEncodable) -> Self {
        Self::NotEncodable(error)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn an_error_grows_its_path_on_the_way_out_and_keeps_its_place() {
        let why = Malformed::AddressTooShort {
            promised: 14,
            left: 1,
        };
        let error = DecodeError::new("address", 5, why.clone());
        let error = error.within("oa").within("deliver");
        assert_eq!(error.path(), "deliver.oa.address");
        assert_eq!((error.offset(), error.why()), (5, &why));
        assert_eq!(
            error.to_string(),
            "deliver.oa.address at octet 5: 14 semi-octets promised, 1 octet left"
        );
    }

    #[test]
    fn what_cannot_be_written_is_said_without_the_text() {
        let stranger = |character| Stranger { character, at: 0 };
        let not_encodable = |offending: &[Stranger]| {
            let offending = offending.to_vec();
            EncodeError::from(NotEncodable { offending }).to_string()
        };
        let one = [stranger('ы')];
        let two = [stranger('ы'), stranger('ï')];
        assert_eq!(
            not_encodable(&one),
            "1 character is not in the GSM 7 bit alphabet"
        );
        assert_eq!(
            not_encodable(&two),
            "2 different characters are not in the GSM 7 bit alphabet"
        );
        let error = EncodeError::TooManyParts { parts: 256 };
        assert_eq!(error.to_string(), "256 parts needed, 255 at most");
    }
}
