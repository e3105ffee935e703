//! What a modem shows and takes in PDU mode: the service centre's address, the TPDU, in hexadecimal (27.005 §3.1).
//!
//! Not here: the TPDU itself, see [`tpdu`](crate::tpdu); the AT commands around it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::address::Address;
use crate::error::{DecodeError, Malformed};
use crate::reader::Reader;

/// A TPDU with the service centre that it came from or goes to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Envelope {
    /// The service centre; `None` leaves it to the modem's setting (+CSCA).
    pub smsc: Option<Address>,
    /// The octets of the TPDU.
    pub tpdu: Vec<u8>,
}

impl Envelope {
    /// An envelope for a TPDU.
    pub fn new(smsc: Option<Address>, tpdu: Vec<u8>) -> Self {
        Self { smsc, tpdu }
    }

    /// Reads what a modem gives in +CMT, +CMGR, +CMGL and +CDS. White space at both ends is trimmed.
    ///
    /// The TPDU is not looked at: [`Tpdu::decode`](crate::Tpdu::decode) does that.
    pub fn from_hex(text: &str) -> Result<Self, DecodeError> {
        Self::from_octets(&octets_from_hex(text)?)
    }

    /// Reads the same from octets.
    pub fn from_octets(octets: &[u8]) -> Result<Self, DecodeError> {
        let (smsc, tpdu) = Self::open(octets)?;
        let tpdu = tpdu.to_vec();
        Ok(Self { smsc, tpdu })
    }

    /// The service centre and the octets of the TPDU, which are not copied.
    ///
    /// ```
    /// use pdu_codec::{Envelope, StatusClass, StatusReport, octets_from_hex};
    ///
    /// let octets = octets_from_hex("000606098121436587F9019012413064A0019012413045A000").unwrap();
    /// let (smsc, tpdu) = Envelope::open(&octets).unwrap();
    /// assert_eq!(smsc, None);
    /// assert_eq!(StatusReport::decode(tpdu).unwrap().status.class(), StatusClass::Completed);
    /// ```
    pub fn open(octets: &[u8]) -> Result<(Option<Address>, &[u8]), DecodeError> {
        let mut reader = Reader::new(octets);
        let smsc = Address::read_service_centre(&mut reader)
            .map_err(|error| error.within("smsc").within("envelope"))?;
        Ok((smsc, reader.rest()))
    }

    /// What is written after the prompt of AT+CMGS, without the Ctrl-Z: upper case, service centre included.
    pub fn to_hex(&self) -> String {
        hex_from_octets(&self.to_octets())
    }

    /// The same as octets.
    pub fn to_octets(&self) -> Vec<u8> {
        let mut octets = Vec::with_capacity(12 + self.tpdu.len());
        match &self.smsc {
            Some(smsc) => smsc.write_service_centre(&mut octets),
            None => octets.push(0),
        }
        octets.extend(&self.tpdu);
        octets
    }

    /// The `<length>` of AT+CMGS: octets of the TPDU, without the service centre (27.005 §3.1).
    pub fn cmgs_length(&self) -> usize {
        self.tpdu.len()
    }
}

/// The octets of hexadecimal digits in upper or lower case. White space at both ends is trimmed; nothing is an error.
pub fn octets_from_hex(text: &str) -> Result<Vec<u8>, DecodeError> {
    let refuse = |offset, why| Err(DecodeError::new("hex", offset, why));
    let digits = text.trim().as_bytes();
    if digits.is_empty() {
        return refuse(0, Malformed::Empty);
    }
    let (pairs, half) = digits.as_chunks::<2>();
    let mut octets = Vec::with_capacity(pairs.len());
    for &[high, low] in pairs {
        let (high, low) = (NIBBLES[usize::from(high)], NIBBLES[usize::from(low)]);
        if (high | low) > 0x0F {
            return refuse(octets.len(), Malformed::NotHexadecimal);
        }
        octets.push(high << 4 | low);
    }
    match half {
        [] => Ok(octets),
        [digit] if NIBBLES[usize::from(*digit)] > 0x0F => {
            refuse(octets.len(), Malformed::NotHexadecimal)
        }
        _ => refuse(octets.len(), Malformed::HalfAnOctet),
    }
}

/// Octets in hexadecimal digits, upper case.
pub fn hex_from_octets(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut hex = Vec::with_capacity(octets.len() * 2);
    for octet in octets {
        let (high, low) = (octet >> 4, octet & 0x0F);
        hex.extend_from_slice(&[DIGITS[usize::from(high)], DIGITS[usize::from(low)]]);
    }
    // Digits are ASCII, so nothing is lost here.
    String::from_utf8(hex).unwrap_or_default()
}

const NOT_A_DIGIT: u8 = 0xFF;

/// What each character is as a hexadecimal digit.
static NIBBLES: [u8; 256] = {
    let mut nibbles = [NOT_A_DIGIT; 256];
    let mut nibble = 0;
    while nibble < 16 {
        let digit = b"0123456789abcdef"[nibble as usize];
        nibbles[digit as usize] = nibble;
        nibbles[digit.to_ascii_uppercase() as usize] = nibble;
        nibble += 1;
    }
    nibbles
};

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    #[test]
    fn the_service_centre_is_in_front_and_is_not_counted() {
        let smsc = Address::parse("+44000000000").unwrap();
        let table = [
            (None, "00CAFE"),
            (Some(smsc), "07914400000000F0CAFE"),
            (Some(Address::parse("12345").unwrap()), "04812143F5CAFE"),
        ];
        for (smsc, hex) in table {
            let envelope = Envelope::new(smsc, vec![0xCA, 0xFE]);
            assert_eq!(envelope.to_hex(), hex);
            assert_eq!(envelope.cmgs_length(), 2);
            assert_eq!(Envelope::from_hex(&hex.to_lowercase()), Ok(envelope));
        }
    }

    #[test]
    fn white_space_is_trimmed_at_the_ends_only() {
        assert_eq!(octets_from_hex(" \r\n0a1B\t"), Ok(vec![0x0A, 0x1B]));
        assert!(octets_from_hex("0a 1B").is_err());
    }

    #[test]
    fn what_is_not_hexadecimal_is_named() {
        let table = [
            ("", "hex at octet 0: nothing there"),
            ("  ", "hex at octet 0: nothing there"),
            ("00C", "hex at octet 1: half an octet"),
            ("00G0", "hex at octet 1: not a hexadecimal digit"),
            ("+CMGR: 0,,30", "hex at octet 0: not a hexadecimal digit"),
            ("0é", "hex at octet 0: not a hexadecimal digit"),
            (
                "0791",
                "envelope.smsc.address at octet 1: 7 octets wanted, 1 octet left",
            ),
        ];
        for (text, message) in table {
            assert_eq!(Envelope::from_hex(text).unwrap_err().to_string(), message);
        }
    }
}
