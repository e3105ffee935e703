//! **Decode**: SMS-DELIVER and SMS-STATUS-REPORT as a modem reads them for a host in text mode.
//!
//! The simulator's own, beside [`crate::encode`]; what they say is not judged.

use crate::alphabet::{characters, unpack};

#[derive(Debug, PartialEq)]
pub(crate) enum Inbound {
    Deliver(Deliver),
    Report(Report),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Deliver {
    pub(crate) centre: Party,
    /// The first octet: TP-MTI and the flags.
    pub(crate) first: u8,
    pub(crate) from: Party,
    pub(crate) pid: u8,
    pub(crate) dcs: u8,
    pub(crate) time: String,
    /// TP-UDL: septets or octets.
    pub(crate) length: u8,
    pub(crate) user_data: UserData,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) first: u8,
    pub(crate) reference: u8,
    pub(crate) recipient: Party,
    pub(crate) accepted: String,
    pub(crate) discharged: String,
    pub(crate) status: u8,
}

/// A number or a name, and its type of address.
#[derive(Debug, PartialEq)]
pub(crate) struct Party {
    pub(crate) number: String,
    pub(crate) kind: u8,
}

#[derive(Debug, PartialEq)]
pub(crate) enum UserData {
    /// Of the default alphabet, and nothing in front of them.
    Septets(Vec<u8>),
    /// Everything else, a header included.
    Octets(Vec<u8>),
}

/// `None` when it is neither.
pub(crate) fn inbound(pdu: &[u8]) -> Option<Inbound> {
    let mut reader = Reader(pdu);
    let length = usize::from(reader.octet()?);
    let centre = match reader.take(length)? {
        [kind, digits @ ..] => Party::new(*kind, semi_octets(digits)),
        [] => Party::new(0x81, String::new()),
    };
    let first = reader.octet()?;
    match first & 3 {
        0 => deliver(reader, centre, first).map(Inbound::Deliver),
        2 => report(reader, first).map(Inbound::Report),
        _ => None,
    }
}

/// Whether the data coding scheme means the default alphabet (23.038 §4).
pub(crate) fn is_septets(dcs: u8) -> bool {
    match dcs >> 4 {
        0x0..=0x7 => dcs & 0x0C == 0,
        0xF => dcs & 0x04 == 0,
        0xC | 0xD => true,
        _ => false,
    }
}

/// TP-UDHI: the user data begins with a header.
pub(crate) const HEADER: u8 = 0x40;

fn deliver(mut reader: Reader<'_>, centre: Party, first: u8) -> Option<Deliver> {
    let from = reader.address()?;
    let (pid, dcs) = (reader.octet()?, reader.octet()?);
    let time = reader.time()?;
    let length = reader.octet()?;
    let user_data = match is_septets(dcs) && first & HEADER == 0 {
        true => UserData::Septets(unpack(reader.0, 0, length.into())?),
        false => UserData::Octets(reader.0.to_vec()),
    };
    Some(Deliver {
        centre,
        first,
        from,
        pid,
        dcs,
        time,
        length,
        user_data,
    })
}

fn report(mut reader: Reader<'_>, first: u8) -> Option<Report> {
    Some(Report {
        first,
        reference: reader.octet()?,
        recipient: reader.address()?,
        accepted: reader.time()?,
        discharged: reader.time()?,
        status: reader.octet()?,
    })
}

impl Party {
    fn new(kind: u8, digits: String) -> Self {
        let number = match kind & 0x70 {
            0x10 => format!("+{digits}"),
            _ => digits,
        };
        Self { number, kind }
    }
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Option<u8> {
        self.take(1).map(|octets| octets[0])
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Semi-octets, type, digits or packed letters (23.040 §9.1.2.5).
    fn address(&mut self) -> Option<Party> {
        let length = usize::from(self.octet()?);
        let kind = self.octet()?;
        let octets = self.take(length.div_ceil(2))?;
        Some(match kind & 0x70 {
            0x50 => Party {
                number: characters(&unpack(octets, 0, length * 4 / 7)?),
                kind,
            },
            _ => Party::new(kind, semi_octets(octets)),
        })
    }

    /// `yy/MM/dd,hh:mm:ss±zz` (27.005 §3.1), of swapped digits.
    fn time(&mut self) -> Option<String> {
        let fields = self.take(7)?;
        let [year, month, day, hour, minute, second, zone] =
            std::array::from_fn(|n| (fields[n] & 0x0F) * 10 + (fields[n] >> 4));
        // The sign stands before the tens.
        let (sign, quarters) = match fields[6] & 0x08 {
            0 => ('+', zone),
            _ => ('-', zone - 80),
        };
        Some(format!(
            "{year:02}/{month:02}/{day:02},{hour:02}:{minute:02}:{second:02}{sign}{quarters:02}"
        ))
    }
}

/// A digit in each half, the lower first; fifteen is filling.
fn semi_octets(octets: &[u8]) -> String {
    let halves = octets.iter().flat_map(|octet| [octet & 0x0F, octet >> 4]);
    halves
        .filter(|half| *half != 0x0F)
        .map(|half| char::from(b"0123456789*#abc"[usize::from(half)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Content, Stamp, address, octets, status_report};

    /// 2026-11-20 01:30:00 UTC.
    const MORNING: i64 = 1_795_138_200_000;

    fn read(from: &str, content: Content<'_>, quarters: i8) -> Deliver {
        let pdus = crate::encode::deliver(&crate::encode::Inbound {
            service_centre: "+447700900000",
            from,
            content,
            class: None,
            time: Stamp {
                unix_ms: MORNING,
                quarters,
            },
            reference: 7,
            wide: false,
        });
        match inbound(&octets(&pdus[0].hex).unwrap()) {
            Some(Inbound::Deliver(deliver)) => deliver,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_is_read_as_it_was_written() {
        let deliver = read("+447700900123", Content::Text("Grüße €"), 32);
        assert_eq!(deliver.centre.number, "+447700900000");
        assert_eq!(deliver.from.number, "+447700900123");
        assert_eq!(deliver.from.kind, 145);
        assert_eq!(deliver.time, "26/11/20,09:30:00+32");
        let UserData::Septets(septets) = &deliver.user_data else {
            panic!("{deliver:?}");
        };
        assert_eq!(characters(septets), "Grüße €");
        assert_eq!(deliver.length, 8);
    }

    #[test]
    fn names_short_numbers_and_clocks_in_the_west_are_read() {
        let deliver = read("Bank", Content::Text("x"), -20);
        assert_eq!(deliver.from.number, "Bank");
        assert_eq!(deliver.time, "26/11/19,20:30:00-20");
        assert_eq!(read("10086", Content::Text("x"), 0).from.number, "10086");
    }

    #[test]
    fn what_is_not_of_the_default_alphabet_stays_octets() {
        let chinese = read("+1", Content::Text("您好"), 32);
        assert_eq!(
            chinese.user_data,
            UserData::Octets(vec![0x60, 0xA8, 0x59, 0x7D])
        );
        let long = "a".repeat(200);
        let part = read("+1", Content::Text(&long), 32);
        let UserData::Octets(octets) = part.user_data else {
            panic!("{part:?}");
        };
        assert_eq!(octets[..6], [5, 0, 3, 7, 2, 1]);
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let stamp = |unix_ms| Stamp {
            unix_ms,
            quarters: 32,
        };
        let pdu = status_report(&crate::encode::Report {
            service_centre: "+447700900000",
            reference: 0x40,
            recipient: &address("+447700900123"),
            accepted: stamp(MORNING),
            discharged: stamp(MORNING + 6000),
            status: 0x30,
        });
        let Some(Inbound::Report(report)) = inbound(&octets(&pdu.hex).unwrap()) else {
            panic!("{pdu:?}");
        };
        assert_eq!(report.recipient.number, "+447700900123");
        assert_eq!((report.reference, report.status), (0x40, 0x30));
        assert_eq!(report.discharged, "26/11/20,09:30:06+32");
    }

    #[test]
    fn what_ends_too_early_is_nothing() {
        let whole = read_octets();
        for end in 0..whole.len() {
            assert_eq!(inbound(&whole[..end]), None, "{end} octets");
        }
        assert!(inbound(&whole).is_some());
    }

    fn read_octets() -> Vec<u8> {
        octets("0791447700090000040C9144770009103200006211029003002302E834").unwrap()
    }
}
