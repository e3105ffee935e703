//! Which of the TPDUs it is (23.040 §9.2.3.1), and what they have in common.
//!
//! Only the direction that a modem shows: a list of messages holds delivers, submits and status reports.

use crate::deliver::Deliver;
use crate::error::{DecodeError, Malformed};
use crate::status_report::StatusReport;
use crate::submit::Submit;

/// A TPDU as a modem's message list holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tpdu {
    /// From the service centre to us: a message.
    Deliver(Deliver),
    /// From us to the service centre.
    Submit(Submit),
    /// From the service centre to us: what became of a message of ours.
    StatusReport(StatusReport),
}

impl Tpdu {
    /// Reads a TPDU; its type is in the two lowest bits of the first octet.
    ///
    /// Any octets give an answer. Octets behind the end are ignored.
    ///
    /// ```
    /// use pdu_codec::{Status, Tpdu, octets_from_hex};
    ///
    /// let octets = octets_from_hex("0606098121436587F9019012413064A0019012413045A000").unwrap();
    /// let Ok(Tpdu::StatusReport(report)) = Tpdu::decode(&octets) else { panic!("a report") };
    /// assert_eq!(report.recipient.number(), "123456789");
    /// assert_eq!(report.status, Status(0x00));
    /// ```
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        let Some(first) = octets.first() else {
            let why = Malformed::TooShort { wanted: 1, left: 0 };
            return Err(DecodeError::new("tpdu", 0, why));
        };
        match first & MTI {
            Submit::MTI => Submit::decode(octets).map(Self::Submit),
            StatusReport::MTI => StatusReport::decode(octets).map(Self::StatusReport),
            _ => Deliver::decode(octets).map(Self::Deliver),
        }
    }
}

/// TP-MTI, the two lowest bits of the first octet.
pub(crate) const MTI: u8 = 0x03;

/// TP-Message-Reference: the modem's one-octet name for a submitted part (23.040 §9.2.3.6).
///
/// It wraps after 256 parts, so it only identifies a part together with modem, recipient and a time window.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct MessageReference(pub u8);

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn the_two_lowest_bits_decide_who_reads() {
        let table = [
            (0xFC, "deliver.oa.length"),
            (0xFD, "submit.mr"),
            (0xFE, "status_report.mr"),
            // 23.040 §9.2.3.1: the reserved value is processed like a deliver.
            (0xFF, "deliver.oa.length"),
        ];
        for (first, path) in table {
            assert_eq!(Tpdu::decode(&[first]).unwrap_err().path(), path);
        }
    }

    #[test]
    fn nothing_is_no_tpdu() {
        let error = Tpdu::decode(&[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "tpdu at octet 0: 1 octet wanted, 0 octets left"
        );
    }
}
