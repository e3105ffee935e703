//! Message storage as a modem speaks of it: which memories there are, what was put where, what stands in a slot.
//!
//! 27.005 §3.1 names the memories, §3.3 to §3.5 the lines; what real modems make of them is read as well.

use super::information::{fields, rest};

/// `<mem>`: a memory that may hold texts or reports. Only these names ever become part of a command.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Memory {
    Device,
    Sim,
    /// Any of the others, as one.
    All,
    Reports,
    Adapter,
    /// Alcatel's names for the two.
    DevicePlain,
    SimPlain,
}

const MEMORIES: [(Memory, &str); 7] = [
    (Memory::Device, "ME"),
    (Memory::Sim, "SM"),
    (Memory::All, "MT"),
    (Memory::Reports, "SR"),
    (Memory::Adapter, "TA"),
    (Memory::DevicePlain, "ME_P"),
    (Memory::SimPlain, "SM_P"),
];

impl Memory {
    pub(crate) fn name(self) -> &'static str {
        MEMORIES
            .iter()
            .find(|(memory, _)| *memory == self)
            .map_or("SM", |(_, name)| name)
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        MEMORIES
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(memory, _)| *memory)
    }
}

/// Where a PDU is kept.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Slot {
    pub(crate) memory: Memory,
    pub(crate) index: u16,
}

/// `+CMTI` or `+CDSI`: something was put into a memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) is_report: bool,
    /// `None`: the modem does not say where, as in `"SM",-1` and `0,111`.
    pub(crate) slot: Option<Slot>,
}

impl Announcement {
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (is_report, said) = match line.strip_prefix("+CMTI:") {
            Some(said) => (false, said),
            None => (true, line.strip_prefix("+CDSI:")?),
        };
        let mut said = fields(said).into_iter();
        let memory = said.next().and_then(Memory::named);
        let index = said.next().and_then(|index| index.parse().ok());
        let slot = memory.zip(index);
        Some(Self {
            is_report,
            slot: slot.map(|(memory, index)| Slot { memory, index }),
        })
    }
}

/// Whether a modem says unasked that a memory is full: Huawei, then Telit and Quectel by `+CIEV` and `+QIND`.
pub(crate) fn says_full(line: &str) -> bool {
    line.starts_with("^SMMEMFULL")
        || (line.starts_with("+CIEV:") || line.starts_with("+QIND:"))
            && line.to_ascii_lowercase().contains("smsfull")
}

/// How full a memory says it is. Some say 0 while there are texts in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    pub(crate) used: u16,
    pub(crate) total: u16,
}

/// `+CPMS: "SM",1,20,"SM",1,20,"ME",0,23`: the memories read from, written to and received into.
pub(crate) fn memories_in_use(line: &str) -> Option<[(Memory, Usage); 3]> {
    let said = fields(rest(line, "+CPMS:")?);
    let place = |at: usize| {
        let memory = Memory::named(said.get(3 * at)?)?;
        let used = said.get(3 * at + 1)?.parse().ok()?;
        let total = said.get(3 * at + 2)?.parse().ok()?;
        Some((memory, Usage { used, total }))
    };
    let first = place(0)?;
    // Those who know two or one memory receive into the last of them.
    let second = place(1).unwrap_or(first);
    Some([first, second, place(2).unwrap_or(second)])
}

/// `+CPMS: 7,20,7,20,7,20`, the answer to a select: how full the memory read from is.
pub(crate) fn usage_of_selected(line: &str) -> Option<Usage> {
    let said = fields(rest(line, "+CPMS:")?);
    Some(Usage {
        used: said.first()?.parse().ok()?,
        total: said.get(1)?.parse().ok()?,
    })
}

/// The memories that can be read from: the first group of `+CPMS: ("SM","ME"),("SM"),("SM")`, or all names of
/// `+CPMS: "ME","MT","SM"`. Wavecom brackets the whole once more.
pub(crate) fn memories_there_are(line: &str) -> Option<Vec<Memory>> {
    let said = rest(line, "+CPMS:")?.trim();
    let group = match said.find('(') {
        Some(_) => said.trim_start_matches('(').split(')').next()?,
        None => said,
    };
    let mut memories = Vec::new();
    for memory in fields(group).into_iter().filter_map(Memory::named) {
        if !memories.contains(&memory) {
            memories.push(memory);
        }
    }
    Some(memories)
}

/// `<service>` of `+CSMS: 1,1,1,1`: whether `+CMT` and `+CDS` want to be acknowledged.
pub(crate) fn wants_acknowledgement(line: &str) -> Option<bool> {
    let service = fields(rest(line, "+CSMS:")?).first()?.parse::<u16>().ok()?;
    Some(service == 1)
}

/// `<ds>` of `+CNMI: 2,1,0,2,0`: whether reports are stored and announced by `+CDSI`.
pub(crate) fn stores_reports(line: &str) -> Option<bool> {
    Some(*fields(rest(line, "+CNMI:")?).get(3)? == "2")
}

/// What stands in one slot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    /// `+CMGL` says it, `+CMGR` was asked for it.
    pub(crate) index: Option<u16>,
    /// With the service centre in front, an empty one where the modem leaves it out. `None`: nothing legible.
    pub(crate) pdu: Option<Vec<u8>>,
}

/// Reads the answer to `AT+CMGR`. `None`: the slot is empty, or holds a text of our own.
pub(crate) fn read_slot(lines: &[String]) -> Option<Stored> {
    entries(lines, "+CMGR:").into_iter().next()
}

/// Reads the answer to `AT+CMGL`; texts of our own are left out.
pub(crate) fn read_list(lines: &[String]) -> Vec<Stored> {
    entries(lines, "+CMGL:")
}

fn entries(lines: &[String], prefix: &str) -> Vec<Stored> {
    let mut read = Vec::new();
    let mut lines = lines.iter().peekable();
    while let Some(line) = lines.next() {
        let Some(said) = rest(line, prefix) else {
            continue;
        };
        let pdu = lines.next_if(|next| rest(next, prefix).is_none());
        let said = Header::read(&fields(said), prefix == "+CMGL:");
        let octets = pdu.and_then(|pdu| octets(pdu, said.length));
        let is_empty = pdu.is_none() && said.length == Some(0);
        if !is_empty && !said.is_ours && !octets.as_deref().is_some_and(is_submit) {
            read.push(Stored {
                index: said.index,
                pdu: octets,
            });
        }
    }
    read
}

/// What stands before a PDU.
struct Header {
    index: Option<u16>,
    /// `<stat>` 2 and 3: written by the host.
    is_ours: bool,
    /// Octets of the TPDU, as far as the modem is to be believed.
    length: Option<usize>,
}

impl Header {
    /// `[index,]stat,[alpha],length`, and what modems make of it: `4,1,,151`, `0,23`, `24`, `,,92`, `17,3,35`.
    fn read(fields: &[&str], listed: bool) -> Self {
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u16>().ok());
        let with_index = listed || fields.len() == 4;
        let (index, stat) = match with_index {
            true => (number(0), number(1)),
            false if fields.len() > 1 => (None, number(0)),
            false => (None, None),
        };
        Self {
            index,
            is_ours: matches!(stat, Some(2 | 3)),
            length: fields.last().and_then(|length| length.parse().ok()),
        }
    }
}

/// The octets of a PDU line, whatever its modem did to it: a quote behind it, half an octet at its end, the service
/// centre left out although the length counts without it, the slot's filling of 0xFF behind it, its end missing.
fn octets(line: &str, length: Option<usize>) -> Option<Vec<u8>> {
    let digits = line.trim().trim_matches('"').bytes();
    let nibbles: Vec<u8> = digits
        .map_while(|digit| char::from(digit).to_digit(16))
        .filter_map(|nibble| u8::try_from(nibble).ok())
        .collect();
    let mut octets: Vec<u8> = nibbles
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    let centre = usize::from(*octets.first()?);
    let Some(length) = length.filter(|length| *length > 0) else {
        return Some(octets);
    };
    let whole = 1 + centre + length;
    if octets.len() == length && octets.len() != whole {
        octets.insert(0, 0);
    } else if octets.len() > whole && octets[whole..].iter().all(|octet| *octet == 0xFF) {
        octets.truncate(whole);
    }
    Some(octets)
}

/// A text that is to be sent, whatever the modem says of its state.
fn is_submit(octets: &[u8]) -> bool {
    message_type(octets) == Some(1)
}

/// A report on the way of a text that was sent.
pub(crate) fn is_report(octets: &[u8]) -> bool {
    message_type(octets) == Some(2)
}

/// 23.040 §9.2.3.1: TP-MTI, behind the service centre.
fn message_type(octets: &[u8]) -> Option<u8> {
    let centre = usize::from(*octets.first()?);
    octets.get(1 + centre).map(|first| first & 0x03)
}

/// Whether a line may be a PDU: digits of hexadecimal, perhaps in quotes.
pub(crate) fn looks_like_pdu(line: &str) -> bool {
    let digits = line.trim_matches('"');
    digits.len() >= FEWEST_DIGITS && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The shortest that says who sent it; a truncated one is not much longer.
const FEWEST_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0791447700090000040C9144770009103200006211029003000002E834";

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    fn hex(octets: &[u8]) -> String {
        octets.iter().map(|octet| format!("{octet:02X}")).collect()
    }

    fn at(memory: Memory, index: u16) -> Option<Slot> {
        Some(Slot { memory, index })
    }

    #[test]
    fn an_announcement_says_where_unless_it_does_not() {
        for (line, is_report, slot) in [
            ("+CMTI: \"SM\",7", false, at(Memory::Sim, 7)),
            ("+CMTI:\"ME\",0", false, at(Memory::Device, 0)),
            ("+CMTI: SM,7", false, at(Memory::Sim, 7)),
            ("+CMTI: \"SM\",-1", false, None),
            ("+CMTI: 0,111", false, None),
            ("+CMTI: \"XX\",1", false, None),
            ("+CDSI: \"SR\",8", true, at(Memory::Reports, 8)),
            ("+CDSI: \"SM\",0", true, at(Memory::Sim, 0)),
        ] {
            let expected = Announcement { is_report, slot };
            assert_eq!(Announcement::read(line), Some(expected), "{line}");
        }
        assert_eq!(Announcement::read("+CMT: ,21"), None);
        assert_eq!(Announcement::read("+CDS: 25"), None);
    }

    #[test]
    fn a_full_memory_says_so_in_the_words_of_its_maker() {
        for line in [
            "^SMMEMFULL: \"SM\"",
            "^SMMEMFULL:\"SM\"",
            "+QIND: \"smsfull\",\"ME\"",
            "+CIEV: smsfull,1",
        ] {
            assert!(says_full(line), "{line}");
        }
        for line in ["+QIND: SMS DONE", "+CIEV: 5,1", "+CMTI: \"SM\",1"] {
            assert!(!says_full(line), "{line}");
        }
    }

    #[test]
    fn the_memories_in_use_are_read_with_how_full_they_are() {
        let usage = |used, total| Usage { used, total };
        assert_eq!(
            memories_in_use("+CPMS: \"SM\",20,20,\"SM\",20,20,\"ME\",0,23"),
            Some([
                (Memory::Sim, usage(20, 20)),
                (Memory::Sim, usage(20, 20)),
                (Memory::Device, usage(0, 23)),
            ])
        );
        assert_eq!(
            memories_in_use("+CPMS: \"ME\",1,255,\"SM\",3,10"),
            Some([
                (Memory::Device, usage(1, 255)),
                (Memory::Sim, usage(3, 10)),
                (Memory::Sim, usage(3, 10)),
            ])
        );
        assert_eq!(memories_in_use("+CPMS: 1,20,1,20,1,20"), None);
    }

    #[test]
    fn the_memories_there_are_come_in_several_shapes() {
        use Memory::{Device, Reports, Sim};
        let broadcasts_are_none = "+CPMS: ((\"SM\",\"BM\",\"SR\"),(\"SM\"))";
        for (line, expected) in [
            (
                "+CPMS: (\"SM\",\"ME\"),(\"SM\",\"ME\"),(\"SM\",\"ME\")",
                vec![Sim, Device],
            ),
            (broadcasts_are_none, vec![Sim, Reports]),
            (
                "+CPMS: \"ME\",\"MT\",\"SM\"",
                vec![Device, Memory::All, Sim],
            ),
            ("+CPMS: (\"SM\",\"SM\"),(\"SM\")", vec![Sim]),
            ("+CPMS: (),(),()", vec![]),
        ] {
            assert_eq!(memories_there_are(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn whether_reports_are_stored_or_acknowledged_is_asked() {
        assert_eq!(wants_acknowledgement("+CSMS: 1,1,1,1"), Some(true));
        assert_eq!(wants_acknowledgement("+CSMS: 0,1,1,1"), Some(false));
        assert_eq!(wants_acknowledgement("+CSMS:"), None);
        assert_eq!(stores_reports("+CNMI: 2,1,0,2,0"), Some(true));
        assert_eq!(stores_reports("+CNMI: 2,1,0,1,0"), Some(false));
        assert_eq!(stores_reports("+CNMI: 1,1"), None);
    }

    #[test]
    fn a_slot_is_read_from_every_shape_of_its_answer() {
        let quoted = format!("{TEXT}\"");
        let small = TEXT.to_lowercase();
        let padded = format!("{TEXT}{}", "FF".repeat(20));
        for (header, body) in [
            ("+CMGR: 0,,21", TEXT),
            ("+CMGR: 1,\"Bob, Ltd\",21", TEXT),
            ("+CMGR: 4,1,,21", TEXT),
            ("+CMGR: 0,21", TEXT),
            ("+CMGR: 21", TEXT),
            ("+CMGR: ,,21", TEXT),
            ("+CMGR:0,,21", TEXT),
            ("+CMGR: 0,,21", quoted.as_str()),
            ("+CMGR: 0,,21", small.as_str()),
            ("+CMGR: 0,,21", padded.as_str()),
            ("+CMGR: 0,,99", TEXT),
            ("+CMGR: 0,,", TEXT),
        ] {
            let stored = read_slot(&lines(&[header, body])).expect(header);
            assert_eq!(hex(&stored.pdu.unwrap()), TEXT, "{header} {body}");
        }
    }

    #[test]
    fn a_service_centre_that_is_left_out_is_an_empty_one() {
        let stored = read_slot(&lines(&["+CMGR: 0,,21", &TEXT[16..]])).unwrap();
        assert_eq!(hex(&stored.pdu.unwrap()), format!("00{}", &TEXT[16..]));
    }

    #[test]
    fn a_truncated_pdu_is_kept_as_far_as_it_goes() {
        let stored = read_slot(&lines(&["+CMGR: 0,,21", &TEXT[..41]])).unwrap();
        assert_eq!(hex(&stored.pdu.unwrap()), TEXT[..40]);
    }

    #[test]
    fn an_empty_slot_has_three_answers_and_none_is_a_text() {
        assert_eq!(read_slot(&[]), None);
        assert_eq!(read_slot(&lines(&["+CMGR: 0,,0"])), None);
    }

    #[test]
    fn a_text_whose_pdu_is_missing_is_there_and_illegible() {
        for answer in [
            vec!["+CMGR: 0,,21"],
            vec!["+CMGR: 0,,21", "not hexadecimal"],
        ] {
            let stored = read_slot(&lines(&answer)).unwrap();
            assert_eq!(stored.pdu, None);
        }
    }

    #[test]
    fn texts_of_our_own_are_not_received() {
        let ours = "0021000C91447700091032000005E8329BFD06";
        for header in ["+CMGR: 3,,18", "+CMGR: 2,,18", "+CMGR: ,,18"] {
            assert_eq!(read_slot(&lines(&[header, ours])), None, "{header}");
        }
    }

    #[test]
    fn a_list_is_read_with_its_indices() {
        let ours = "0021000C91447700091032000005E8329BFD06";
        let listed = read_list(&lines(&[
            "+CMGL: 0,1,,21",
            TEXT,
            "+CMGL: 17,3,18",
            ours,
            "+CMGL: 16,1,21",
            "+CMGL: 15,0,21",
            TEXT,
        ]));
        let indices: Vec<_> = listed
            .iter()
            .map(|stored| (stored.index, stored.pdu.is_some()))
            .collect();
        assert_eq!(
            indices,
            [(Some(0), true), (Some(16), false), (Some(15), true)]
        );
    }

    #[test]
    fn a_pdu_looks_like_one() {
        for line in [TEXT, "079144770009\"", "0a0b0c0d"] {
            assert!(looks_like_pdu(line), "{line}");
        }
        for line in ["OK", "ABBA", "+CMGL: 1", "RING", "0791447700G9", ""] {
            assert!(!looks_like_pdu(line), "{line}");
        }
    }
}
