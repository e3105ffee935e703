//! SMS-DELIVER: a message that came to us (23.040 §9.2.2.1).
//!
//! Read only: the gateway never writes one.

use crate::address::Address;
use crate::dcs::DataCoding;
use crate::error::{DecodeError, Malformed};
use crate::reader::Reader;
use crate::timestamp::{InvalidTimestamp, Timestamp};
use crate::tpdu::MTI;
use crate::user_data::{HeaderIndicator, UserData};

/// One part of a message that came to us.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Deliver {
    /// TP-OA: who sent it; a number, or a name.
    pub originator: Address,
    /// TP-SCTS: when the service centre took it; its octets when that is not a date and time.
    pub service_centre_time: Result<Timestamp, InvalidTimestamp>,
    /// TP-UD: what it says.
    pub user_data: UserData,
    /// TP-PID.
    pub protocol_id: u8,
    /// TP-DCS.
    pub data_coding: DataCoding,
    /// TP-MMS, the right way round: more messages wait in the service centre.
    pub more_messages: bool,
    /// TP-RP: an answer may go back by the same service centre.
    pub reply_path: bool,
    /// TP-SRI: the sender will get a status report.
    pub status_report_indication: bool,
}

impl Deliver {
    /// Reads a deliver. The reserved message type 3 is read as one too (23.040 §9.2.3.1).
    pub fn decode(octets: &[u8]) -> Result<Self, DecodeError> {
        read(&mut Reader::new(octets)).map_err(|error| error.within("deliver"))
    }
}

fn read(reader: &mut Reader<'_>) -> Result<Deliver, DecodeError> {
    let first = reader.octet("first")?;
    let mti = first & MTI;
    if !matches!(mti, 0 | 3) {
        return Err(DecodeError::new(
            "mti",
            0,
            Malformed::OtherMessageType { mti },
        ));
    }
    let originator = Address::read(reader).map_err(|error| error.within("oa"))?;
    let protocol_id = reader.octet("pid")?;
    let data_coding = DataCoding(reader.octet("dcs")?);
    let service_centre_time = Timestamp::decode(reader.array("scts")?);
    let user_data = UserData::read(reader, data_coding, HeaderIndicator::of(first))?;
    Ok(Deliver {
        originator,
        service_centre_time,
        user_data,
        protocol_id,
        data_coding,
        more_messages: first & 0x04 == 0,
        reply_path: first & 0x80 != 0,
        status_report_indication: first & 0x20 != 0,
    })
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    const HELLO: [u8; 28] = [
        0x04, 0x0B, 0x91, 0x13, 0x46, 0x61, 0x00, 0x89, 0xF6, 0x00, 0x00, 0x20, 0x80, 0x62, 0x91,
        0x73, 0x14, 0x48, 0x0A, 0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37,
    ];

    #[test]
    fn a_message_is_read_field_by_field() {
        let deliver = Deliver::decode(&HELLO).unwrap();
        assert_eq!(deliver.originator, Address::parse("+31641600986").unwrap());
        let time = deliver.service_centre_time.unwrap();
        assert_eq!(time.to_string(), "2002-08-26T19:37:41-01:00");
        assert_eq!(deliver.user_data.text(), Some("hellohello"));
        assert_eq!(
            (deliver.protocol_id, deliver.data_coding),
            (0, DataCoding(0))
        );
        assert!(!deliver.more_messages && !deliver.reply_path && !deliver.status_report_indication);
    }

    #[test]
    fn every_bit_of_the_first_octet_has_its_meaning() {
        let table = [
            (0x04, false, false, false),
            (0x00, true, false, false),
            (0x84, false, true, false),
            (0x24, false, false, true),
        ];
        for (first, more, reply, report) in table {
            let mut octets = HELLO;
            octets[0] = first;
            let deliver = Deliver::decode(&octets).unwrap();
            assert_eq!(deliver.more_messages, more, "{first:02X}");
            assert_eq!(deliver.reply_path, reply, "{first:02X}");
            assert_eq!(deliver.status_report_indication, report, "{first:02X}");
        }
    }

    #[test]
    fn a_broken_stamp_does_not_lose_the_message() {
        let mut octets = HELLO;
        octets[11..18].fill(0xFF);
        let deliver = Deliver::decode(&octets).unwrap();
        assert_eq!(
            deliver.service_centre_time,
            Err(InvalidTimestamp([0xFF; 7]))
        );
        assert_eq!(deliver.user_data.text(), Some("hellohello"));
    }

    #[test]
    fn a_shortage_is_named_by_field_and_octet() {
        let table = [
            (0, "deliver.first at octet 0: 1 octet wanted, 0 octets left"),
            (
                1,
                "deliver.oa.length at octet 1: 1 octet wanted, 0 octets left",
            ),
            (
                2,
                "deliver.oa.type at octet 2: 1 octet wanted, 0 octets left",
            ),
            (
                6,
                "deliver.oa.address at octet 3: 11 semi-octets promised, 3 octets left",
            ),
            (9, "deliver.pid at octet 9: 1 octet wanted, 0 octets left"),
            (10, "deliver.dcs at octet 10: 1 octet wanted, 0 octets left"),
            (
                12,
                "deliver.scts at octet 11: 7 octets wanted, 1 octet left",
            ),
            (18, "deliver.udl at octet 18: 1 octet wanted, 0 octets left"),
        ];
        for (length, message) in table {
            let error = Deliver::decode(&HELLO[..length]).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn another_message_type_is_refused_but_the_reserved_one_is_read() {
        let mut octets = HELLO;
        octets[0] = 0x05;
        let error = Deliver::decode(&octets).unwrap_err();
        assert_eq!(
            error.to_string(),
            "deliver.mti at octet 0: message type 1 is another one"
        );
        octets[0] = 0x07;
        assert!(Deliver::decode(&octets).is_ok());
    }
}
