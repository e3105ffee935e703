//! What a PDU from a modem says, in the domain's words.

use pdu_codec::{
    Alphabet, DecodeError, Deliver, Envelope, StatusReport, Timestamp, Tpdu, hex_from_octets,
};

use crate::domain::{
    Body, InboundEncoding, InboundPart, ModemName, PduDigest, Place, Report, Sender, SimId,
    UnixMillis,
};

/// Where a PDU came from, and when.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) modem: ModemName,
    pub(super) sim: SimId,
    /// The SIM's own number.
    pub(super) to: Option<String>,
    pub(super) at: UnixMillis,
}

/// What stands in a slot, or comes by `+CMT`.
#[derive(Debug)]
pub(super) enum Reading {
    Text(InboundPart),
    Report(Report),
    /// A report that cannot be read: it says nothing that could be kept.
    BrokenReport(DecodeError),
}

/// Reads any octets: what is no text and no report is a raw text, so that nothing is lost and no slot is blocked.
pub(super) fn read(origin: Origin, pdu: &[u8]) -> Reading {
    let sim = origin.sim.clone();
    match Envelope::from_octets(pdu) {
        Ok(envelope) if is_report(&envelope.tpdu) => match read_report(sim, pdu) {
            Ok(report) => Reading::Report(report),
            Err(error) => Reading::BrokenReport(error),
        },
        Ok(envelope) => Reading::Text(match Deliver::decode(&envelope.tpdu) {
            Ok(deliver) => text(origin, pdu, &deliver),
            Err(_) => raw(origin, pdu),
        }),
        Err(_) => Reading::Text(raw(origin, pdu)),
    }
}

/// A `+CDS` line's PDU, service centre prefix included.
pub(super) fn read_report(sim: SimId, pdu: &[u8]) -> Result<Report, DecodeError> {
    let envelope = Envelope::from_octets(pdu)?;
    let report = StatusReport::decode(&envelope.tpdu)?;
    Ok(Report {
        sim,
        reference: report.message_reference,
        recipient: report.recipient.number(),
        accepted_at: report.service_centre_time.ok().map(in_millis),
        discharged_at: report.discharge_time.ok().map(in_millis),
        status: report.status,
    })
}

/// TP-MTI 2 from the service centre (23.040 §9.2.3.1).
fn is_report(tpdu: &[u8]) -> bool {
    matches!(Tpdu::decode(tpdu), Ok(Tpdu::StatusReport(_)))
        || tpdu.first().is_some_and(|first| first & 0x03 == 0x02)
}

fn text(origin: Origin, pdu: &[u8], deliver: &Deliver) -> InboundPart {
    let user_data = &deliver.user_data;
    let (encoding, text) = match user_data.text() {
        Some(text) if deliver.data_coding.alphabet() == Alphabet::Ucs2 => {
            (InboundEncoding::Ucs2, text.to_owned())
        }
        Some(text) => (InboundEncoding::Gsm7, text.to_owned()),
        None => (
            InboundEncoding::EightBit,
            hex_from_octets(user_data.data().unwrap_or_default()),
        ),
    };
    let place = user_data.concatenation().map(|place| Place {
        reference: place.reference(),
        total: place.total(),
        number: place.part(),
    });
    let from = deliver.originator.number();
    InboundPart {
        from: (!from.is_empty()).then(|| Sender::new(from)),
        encoding,
        text: Body::stored(text),
        smsc_at: deliver.service_centre_time.ok().map(in_millis),
        // "Part 1 of 1" is a whole text.
        place: place.filter(|place| place.total > 1),
        ..raw(origin, pdu)
    }
}

fn raw(origin: Origin, pdu: &[u8]) -> InboundPart {
    InboundPart {
        sim: origin.sim,
        modem: origin.modem,
        to: origin.to,
        from: None,
        encoding: InboundEncoding::Raw,
        text: Body::stored(hex_from_octets(pdu)),
        smsc_at: None,
        place: None,
        pdu: PduDigest::of(pdu),
        at: origin.at,
    }
}

fn in_millis(stamp: Timestamp) -> UnixMillis {
    UnixMillis(stamp.unix_seconds() * 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Reference;

    fn origin() -> Origin {
        Origin {
            modem: ModemName::parse("m1").unwrap(),
            sim: SimId::parse("89860000000000000001").unwrap(),
            to: Some("+447700900321".into()),
            at: UnixMillis(1_800_000_000_000),
        }
    }

    fn octets(hex: &str) -> Vec<u8> {
        pdu_codec::octets_from_hex(hex).unwrap()
    }

    #[track_caller]
    fn text_of(hex: &str) -> InboundPart {
        match read(origin(), &octets(hex)) {
            Reading::Text(part) => part,
            other => panic!("no text: {other:?}"),
        }
    }

    #[test]
    fn a_report_is_read_from_the_octets_of_a_cds_line() {
        let pdu = octets("079144770009000006400C91447700091032621102900300006211029003600000");
        let report = read_report(origin().sim, &pdu).unwrap();
        assert_eq!(report.reference.0, 64);
        assert_eq!(report.recipient, "+447700900123");
        assert_eq!(report.status.0, 0);
        assert_eq!(
            report.discharged_at.map(|at| at.to_string()).as_deref(),
            Some("2026-11-20T09:30:06.000Z")
        );
        let Reading::Report(same) = read(origin(), &pdu) else {
            panic!("a report in a slot is a report");
        };
        assert_eq!(same, report);
    }

    #[test]
    fn octets_that_are_no_report_are_an_error() {
        assert!(read_report(origin().sim, &[0, 1, 2]).is_err());
        let cut = octets("079144770009000006400C9144");
        assert!(matches!(read(origin(), &cut), Reading::BrokenReport(_)));
    }

    #[test]
    fn a_text_is_read_with_its_sender_and_its_time() {
        let part = text_of("0791447700090000040C9144770009103200006211029003000002E834");
        assert_eq!(
            part.from.as_ref().map(Sender::expose),
            Some("+447700900123")
        );
        assert_eq!(part.text.expose(), "hi");
        assert_eq!(part.encoding, InboundEncoding::Gsm7);
        assert_eq!(part.place, None);
        assert_eq!(
            part.smsc_at.map(|at| at.to_string()).as_deref(),
            Some("2026-11-20T09:30:00.000Z")
        );
        assert_eq!(part.to.as_deref(), Some("+447700900321"));
    }

    #[test]
    fn a_text_of_class_0_is_a_text() {
        let part = text_of("0791447700090000040C91447700091032001062110290330000056676788E06");
        assert_eq!(part.text.expose(), "flash");
    }

    #[test]
    fn a_part_says_its_place() {
        let part = text_of("0791447700090000440C914477000910320000621102902300000805000398030386");
        let place = part.place.unwrap();
        assert_eq!(place.reference, Reference::Eight(0x98));
        assert_eq!((place.number, place.total), (3, 3));
        assert_eq!(part.text.expose(), "C");
    }

    #[test]
    fn data_is_hexadecimal() {
        let part = text_of("00040C91447700091032000462110290030000030180FF");
        assert_eq!(part.encoding, InboundEncoding::EightBit);
        assert_eq!(part.text.expose(), "0180FF");
    }

    #[test]
    fn what_cannot_be_read_is_kept_as_it_is() {
        for hex in ["0791447700", "00040C914477", "FF"] {
            let part = text_of(hex);
            assert_eq!(part.encoding, InboundEncoding::Raw);
            assert_eq!(part.text.expose(), hex);
            assert_eq!(part.from, None);
        }
    }

    proptest! {
        #[test]
        fn any_octets_are_read(pdu in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Reading::Text(part) = read(origin(), &pdu) {
                prop_assert_eq!(part.pdu, PduDigest::of(&pdu));
            }
        }
    }
}
