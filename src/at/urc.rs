//! Unsolicited lines: which lines nobody asked for, and those of two lines kept whole.

/// What a modem says unasked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Urc {
    /// `+CDS`: a status report with its service centre prefix.
    Report(Vec<u8>),
    /// `+CMT`: a text that is not stored.
    Deliver(Vec<u8>),
    /// `+CBM`: a cell broadcast.
    Broadcast(Vec<u8>),
    /// Any other line, and the late answers of commands that were given up.
    Line(String),
}

/// The first line of an announcement whose second line is a PDU.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Header {
    kind: Kind,
    /// Octets of the TPDU, without the service centre prefix.
    octets: usize,
    line: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Report,
    Deliver,
    Broadcast,
}

impl Header {
    /// Reads `+CDS: 25`, ZTE's `+CDS: ,25`, `+CMT: "alpha",25`, `+CBM: 88`: the length is the last field.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (kind, fields) = [
            ("+CDS:", Kind::Report),
            ("+CMT:", Kind::Deliver),
            ("+CBM:", Kind::Broadcast),
        ]
        .into_iter()
        .find_map(|(prefix, kind)| Some((kind, line.strip_prefix(prefix)?)))?;
        let last = fields.rsplit(',').next()?;
        let octets = last.trim().parse().ok().filter(|octets| *octets > 0)?;
        Some(Self {
            kind,
            octets,
            line: line.to_owned(),
        })
    }

    /// The octets of `line`, if it is the PDU that this header promised.
    fn body(&self, line: &str) -> Option<Vec<u8>> {
        let octets = octets_of_hex(line)?;
        if octets.len() == self.octets && self.kind != Kind::Broadcast {
            // Some modems leave the service centre prefix out: an empty one stands for it.
            return Some([&[0], &octets[..]].concat());
        }
        let prefix = match self.kind {
            Kind::Broadcast => 0,
            Kind::Report | Kind::Deliver => 1 + usize::from(*octets.first()?),
        };
        (octets.len() == prefix + self.octets).then_some(octets)
    }

    /// Whether `line` is the PDU that this header promised.
    pub(crate) fn promises(&self, line: &str) -> bool {
        self.body(line).is_some()
    }

    /// Joins the header and its PDU; two lines that do not belong together stay lines.
    pub(crate) fn join(self, line: &str) -> Urc {
        match (self.body(line), self.kind) {
            (Some(octets), Kind::Report) => Urc::Report(octets),
            (Some(octets), Kind::Deliver) => Urc::Deliver(octets),
            (Some(octets), Kind::Broadcast) => Urc::Broadcast(octets),
            (None, _) => Urc::Line(self.line),
        }
    }
}

fn octets_of_hex(line: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = line
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}

/// Whether `line` looks like something that modems say unasked. Only for commands whose answer has no prefix
/// to recognise it by (`AT+CGMM`).
pub(crate) fn looks_unsolicited(line: &str) -> bool {
    const SIGNS: &str = "+^*%#$!&";
    const WORDS: [&str; 14] = [
        "RING",
        "RDY",
        "Call Ready",
        "SMS Ready",
        "SMS DONE",
        "PB DONE",
        "NO CARRIER",
        "BUSY",
        "APP RDY",
        "READY",
        "NORMAL POWER DOWN",
        "UNDER-VOLTAGE",
        "OVER-VOLTAGE",
        "MODEM:STARTUP",
    ];
    line.starts_with(|first| SIGNS.contains(first))
        || WORDS.iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "079144770009000006000C91447700091032621102900300006211029003600000";

    fn joined(header: &str, body: &str) -> Urc {
        Header::read(header).expect("a header").join(body)
    }

    #[test]
    fn a_report_and_its_pdu_are_one_announcement() {
        for header in ["+CDS: 25", "+CDS:25", "+CDS: ,25"] {
            let Urc::Report(octets) = joined(header, REPORT) else {
                panic!("{header}");
            };
            assert_eq!((octets.len(), octets[0], octets[8]), (33, 7, 6));
        }
    }

    #[test]
    fn a_pdu_without_service_centre_gets_an_empty_one() {
        let Urc::Report(octets) = joined("+CDS: 25", &REPORT[16..]) else {
            panic!("no report");
        };
        assert_eq!((octets.len(), octets[0], octets[1]), (26, 0, 6));
    }

    #[test]
    fn a_text_and_a_broadcast_have_their_own_names() {
        let pdu = "0004";
        for (header, expected) in [
            ("+CMT: ,1", Urc::Deliver(vec![0, 4])),
            ("+CMT: \"Bob, Ltd\",1", Urc::Deliver(vec![0, 4])),
            ("+CMT: 1", Urc::Deliver(vec![0, 4])),
            ("+CBM: 2", Urc::Broadcast(vec![0, 4])),
        ] {
            assert_eq!(joined(header, pdu), expected, "{header}");
        }
    }

    #[test]
    fn what_has_another_length_is_not_the_promised_pdu() {
        let header = Header::read("+CDS: 25").expect("a header");
        for line in [
            "OK",
            "490154203237518",
            "0011",
            "+CDS: 25",
            "",
            &REPORT[2..],
        ] {
            assert!(!header.promises(line), "{line}");
        }
        assert!(header.promises(REPORT));
        assert!(header.promises(&REPORT.to_lowercase()));
    }

    #[test]
    fn a_line_that_promises_nothing_is_no_header() {
        for line in [
            "+CDS: ",
            "+CDS: x",
            "+CDS: 6,64,\"+447700900123\",145,0",
            "+CDSI: \"SR\",8",
            "+CMTI: \"SM\",7",
            "+CMGS: 25",
        ] {
            assert_eq!(Header::read(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_said_unasked_is_not_taken_for_a_model_name() {
        for line in [
            "^BOOT:27710117,0,0,0,75",
            "+CMTI: \"SM\",4",
            "RING",
            "*ATREADY: 1",
        ] {
            assert!(looks_unsolicited(line), "{line}");
        }
        for line in ["huawei", "E1752", "SIMCOM_SIM800L", "490154203237518"] {
            assert!(!looks_unsolicited(line), "{line}");
        }
    }
}
