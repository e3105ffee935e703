//! SMS-STATUS-REPORT: what became of a part that we submitted (23.040 §9.2.2.3).
//!
//! Read only, and only as far as TP-ST: the optional parameters behind it say nothing that we use.

use crate::address::Address;
use crate::error::{DecodeError, Malformed};
use crate::reader::Reader;
use crate::status::Status;
use crate::timestamp::{InvalidTimestamp, Timestamp};
use crate::tpdu::{MTI, MessageReference};

/// What the service centre says about one part.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusReport {
    /// TP-MR: which part.
    pub message_reference: MessageReference,
    /// TP-RA: the part's destination.
    pub recipient: Address,
    /// TP-SCTS: when the service centre took the part; its octets when that is not a date and time.
    pub service_centre_time: Result<Timestamp, InvalidTimestamp>,
    /// TP-DT: when it was delivered, or last tried; its octets when that is not a date and time.
    pub discharge_time: Result<Timestamp, InvalidTimestamp>,
    /// TP-ST: what came of it.
    pub status: Status,
    /// TP-MMS, the right way round: more messages wait in the service centre.
    pub more_messages: bool,
    /// TP-SRQ: the report answers an SMS-COMMAND, not a submit.
    pub status_report_qualifier: bool,
}

impl StatusReport {
    pub(crate) const MTI: u8 = 2;

    /// Reads a status report.
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        read(&mut Reader::new(octets)).map_err(|error| error.within("status_report"))
    }
}

fn read(reader: &mut Reader<'_>) -> Result<StatusReport, DecodeError> {
    let first = reader.octet("first")?;
    let mti = first & MTI;
    if mti != StatusReport::MTI {
        return Err(DecodeError::new(
            "mti",
            0,
            Malformed::OtherMessageType { mti },
        ));
    }
    Ok(StatusReport {
        message_reference: MessageReference(reader.octet("mr")?),
        recipient: Address::read(reader).map_err(|error| error.within("ra"))?,
        service_centre_time: Timestamp::decode(reader.array("scts")?),
        discharge_time: Timestamp::decode(reader.array("dt")?),
        status: Status(reader.octet("st")?),
        more_messages: first & 0x04 == 0,
        status_report_qualifier: first & 0x20 != 0,
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::status::StatusClass;

    const REPORT: [u8; 24] = [
        0x06, 0xD6, 0x0B, 0x91, 0x16, 0x23, 0x48, 0x07, 0x36, 0xF4, 0x11, 0x10, 0x11, 0x71, 0x95,
        0x51, 0x40, 0x11, 0x10, 0x11, 0x71, 0x95, 0x71, 0x40,
    ];

    #[track_caller]
    fn report(first: u8, status: u8) -> StatusReport {
        let mut octets = REPORT.to_vec();
        octets[0] = first;
        octets.push(status);
        StatusReport::decode(&octets).unwrap()
    }

    #[test]
    fn a_report_is_read_field_by_field() {
        let report = report(0x06, 0x46);
        assert_eq!(report.message_reference, MessageReference(0xD6));
        assert_eq!(report.recipient, Address::parse("+61328470634").unwrap());
        let time = report.service_centre_time.unwrap();
        assert_eq!(time.to_string(), "2011-01-11T17:59:15+01:00");
        let time = report.discharge_time.unwrap();
        assert_eq!(time.to_string(), "2011-01-11T17:59:17+01:00");
        assert_eq!(report.status, Status(0x46));
        assert_eq!(report.status.class(), StatusClass::Permanent);
    }

    #[test]
    fn every_bit_of_the_first_octet_has_its_meaning() {
        for (first, more, qualifier) in [
            (0x06, false, false),
            (0x02, true, false),
            (0x26, false, true),
        ] {
            let report = report(first, 0x00);
            assert_eq!(report.more_messages, more, "{first:02X}");
            assert_eq!(report.status_report_qualifier, qualifier, "{first:02X}");
        }
    }

    #[test]
    fn a_report_without_its_status_says_nothing() {
        let error = StatusReport::decode(&REPORT).unwrap_err();
        assert_eq!(
            error.to_string(),
            "status_report.st at octet 24: 1 octet wanted, 0 octets left"
        );
    }

    #[test]
    fn another_message_type_is_refused() {
        let error = StatusReport::decode(&[0x04]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "status_report.mti at octet 0: message type 0 is another one"
        );
    }
}
