//! Final results, and what an error means for a part: the table of `+CMS ERROR` and of `+CME ERROR`.
//!
//! Three things can have become of a part when a modem answers with an error: it was refused and may be
//! sent again, nobody can say, or the service centre has it already. [`verdict`] is the only place that decides.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::domain::{Blame, Setback};

/// The line that ends a command.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FinalResult {
    Ok,
    Error(Fault),
}

/// An error as the modem said it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// `ERROR`, and the words that vendors have for it: no cause is known.
    Plain,
    /// `+CME ERROR:` (27.007 §9.2): the equipment.
    Cme(Cause),
    /// `+CMS ERROR:` (27.005 §3.2.5): the message service, and the network behind it.
    Cms(Cause),
}

/// What stands behind `ERROR:`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cause {
    Code(u16),
    /// `AT+CMEE=2`, or a modem that knows nothing else.
    Words(String),
}

impl FinalResult {
    /// Reads `line` if it is a final result. `numeric`: `0` and `4` are results too, until `ATV1` is answered.
    pub(crate) fn read(line: &str, numeric: bool) -> Option<Self> {
        let cause = |prefix: &str| line.strip_prefix(prefix).map(Cause::read);
        match line {
            "OK" => Some(Self::Ok),
            "0" if numeric => Some(Self::Ok),
            "4" if numeric => Some(Self::Error(Fault::Plain)),
            _ if PLAIN_ERRORS.contains(&line) => Some(Self::Error(Fault::Plain)),
            _ if PLAIN_ERRORS_WITH_MORE
                .iter()
                .any(|word| line.starts_with(word)) =>
            {
                Some(Self::Error(Fault::Plain))
            }
            _ => None
                .or_else(|| cause("+CME ERROR:").map(Fault::Cme))
                .or_else(|| cause("+CMS ERROR:").map(Fault::Cms))
                .map(|fault| Self::Error(fault.with_code())),
        }
    }
}

// Huawei says COMMAND NOT SUPPORT and TOO MANY PARAMETERS, Samsung Z810 NA.
const PLAIN_ERRORS: [&str; 4] = ["ERROR", "COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "NA"];

// Telit and oFono's list, Motorola EZX, Cross PD1101wi.
const PLAIN_ERRORS_WITH_MORE: [&str; 3] = ["+EXT ERROR:", "MODEM ERROR:", "NOT FOND"];

impl Cause {
    fn read(text: &str) -> Self {
        let text = text.trim();
        match text.parse() {
            Ok(code) => Self::Code(code),
            Err(_) => Self::Words(text.to_owned()),
        }
    }
}

impl Fault {
    /// Words that the standards know become their code.
    fn with_code(self) -> Self {
        let coded = |cause: Cause, words: &[(&str, u16)]| match &cause {
            Cause::Words(text) => words
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(text))
                .map_or(cause, |&(_, code)| Cause::Code(code)),
            Cause::Code(_) => cause,
        };
        match self {
            Self::Plain => Self::Plain,
            Self::Cme(cause) => Self::Cme(coded(cause, CME_WORDS)),
            Self::Cms(cause) => Self::Cms(coded(cause, CMS_WORDS)),
        }
    }

    /// Not now: the SIM or the modem is still busy with itself, mostly after a start (27.007 §9.2.1, Wavecom's 515).
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Cme(Cause::Code(14 | 515)) | Self::Cms(Cause::Code(314 | 515))
        )
    }

    /// The code of `+CME ERROR`, if that is what was said.
    pub(crate) fn cme(&self) -> Option<u16> {
        match self {
            Self::Cme(Cause::Code(code)) => Some(*code),
            _ => None,
        }
    }

    /// The code of `+CMS ERROR`, if that is what was said.
    pub(crate) fn cms(&self) -> Option<u16> {
        match self {
            Self::Cms(Cause::Code(code)) => Some(*code),
            _ => None,
        }
    }
}

// 27.007 §9.2.1, the words that are met before a message can be sent.
const CME_WORDS: &[(&str, u16)] = &[
    ("SIM not inserted", 10),
    ("SIM PIN required", 11),
    ("SIM PUK required", 12),
    ("SIM failure", 13),
    ("SIM busy", 14),
    ("SIM wrong", 15),
    ("incorrect password", 16),
    ("no network service", 30),
    ("network timeout", 31),
    ("unknown", 100),
];

// 27.005 §3.2.5, as modems spell it.
const CMS_WORDS: &[(&str, u16)] = &[
    ("ME failure", 300),
    ("operation not allowed", 302),
    ("operation not supported", 303),
    ("SIM not inserted", 310),
    ("SIM PIN required", 311),
    ("SIM failure", 313),
    ("SIM busy", 314),
    ("SIM wrong", 315),
    ("SIM PUK required", 316),
    ("invalid memory index", 321),
    ("memory full", 322),
    ("SMSC address unknown", 330),
    ("no network service", 331),
    ("network timeout", 332),
    ("unknown error", 500),
];

/// What an error that answers `AT+CMGS`, or none, tells of the modem when it comes again and again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ailment {
    /// 41: some modems have lost the network without knowing, until they are attached anew.
    Detached,
    /// 300 and 301: the modem's own failure.
    Broken,
    /// 500, 100 and bare errors: over LTE it may be that this network carries no messages there.
    Unexplained,
    /// Nothing came at all.
    NoResult,
}

pub(crate) fn ailment(fault: &Fault) -> Option<Ailment> {
    match fault {
        Fault::Cms(Cause::Code(41)) => Some(Ailment::Detached),
        Fault::Cms(Cause::Code(300 | 301)) => Some(Ailment::Broken),
        Fault::Plain | Fault::Cms(Cause::Words(_) | Cause::Code(500)) => Some(Ailment::Unexplained),
        Fault::Cme(Cause::Words(_) | Cause::Code(100)) => Some(Ailment::Unexplained),
        Fault::Cms(_) | Fault::Cme(_) => None,
    }
}

/// How far a part had come when the error was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Progress {
    /// Ctrl-Z was not written: nothing has left, whatever the modem says.
    BeforeCtrlZ,
    /// Ctrl-Z was written this long ago.
    AfterCtrlZ(Duration),
}

/// What an error that answers `AT+CMGS` means for the part.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It was not sent.
    Refused(Setback),
    /// It may have been sent.
    Uncertain(Setback),
    /// The service centre knows it from an earlier try.
    AcceptedEarlier,
}

/// From here on 38, 41 and 111 may be the modem's own timer and prove nothing (24.011 §10.1: TR1M).
const LATE: Duration = Duration::from_secs(30);

/// Judges an error that answers `AT+CMGS`.
pub(crate) fn verdict(fault: &Fault, progress: Progress) -> Verdict {
    let row = Row::of(fault);
    let refused = |blame| {
        Verdict::Refused(Setback {
            blame,
            code: row.code,
            detail: described(fault, row.words),
            wait: None,
        })
    };
    let Progress::AfterCtrlZ(elapsed) = progress else {
        return refused(row.blame);
    };
    match row.certainty {
        Certainty::Refused => refused(row.blame),
        Certainty::UnlessLate if elapsed < LATE => refused(row.blame),
        Certainty::UnlessLate | Certainty::Unknown => Verdict::Uncertain(Setback {
            blame: Blame::Modem,
            code: "timeout_uncertain",
            detail: described(fault, row.words),
            wait: None,
        }),
        Certainty::Accepted => Verdict::AcceptedEarlier,
    }
}

/// `+CMS ERROR: 38 (network out of order)`.
fn described(fault: &Fault, words: &str) -> String {
    let (name, cause) = match fault {
        Fault::Plain => return "ERROR without a cause".to_owned(),
        Fault::Cme(cause) => ("+CME ERROR", cause),
        Fault::Cms(cause) => ("+CMS ERROR", cause),
    };
    match cause {
        Cause::Code(code) => format!("{name}: {code} ({words})"),
        Cause::Words(text) => format!("{name}: {}", without_digits(text)),
    }
}

/// A vendor's own words, short and without digits: they might repeat a number.
fn without_digits(text: &str) -> String {
    text.chars()
        .take(60)
        .map(|c| if c.is_ascii_digit() { '#' } else { c })
        .collect()
}

/// What a code proves once Ctrl-Z was written.
#[derive(Clone, Copy, Debug)]
enum Certainty {
    Refused,
    /// Refused, but after [`LATE`] it may be the modem's own timer.
    UnlessLate,
    Unknown,
    Accepted,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    certainty: Certainty,
    blame: Blame,
    code: &'static str,
    words: &'static str,
}

impl Row {
    fn of(fault: &Fault) -> Self {
        let (table, code) = match fault {
            Fault::Cms(Cause::Code(code)) => (CMS, *code),
            Fault::Cme(Cause::Code(code)) => (CME, *code),
            Fault::Plain | Fault::Cme(Cause::Words(_)) | Fault::Cms(Cause::Words(_)) => {
                return NO_CAUSE;
            }
        };
        table
            .iter()
            .find(|(codes, _)| codes.contains(&code))
            .map_or(NO_CAUSE, |&(_, row)| row)
    }
}

const REJECTED: &str = "network_rejected";
const NO_NETWORK: &str = "no_network";

const NO_CAUSE: Row = unknown(Blame::Modem, "no cause that is known");

const fn refused(blame: Blame, code: &'static str, words: &'static str) -> Row {
    Row {
        certainty: Certainty::Refused,
        blame,
        code,
        words,
    }
}

const fn unless_late(blame: Blame, words: &'static str) -> Row {
    Row {
        certainty: Certainty::UnlessLate,
        blame,
        code: REJECTED,
        words,
    }
}

/// `blame` is for an answer before Ctrl-Z.
const fn unknown(blame: Blame, words: &'static str) -> Row {
    Row {
        certainty: Certainty::Unknown,
        blame,
        code: REJECTED,
        words,
    }
}

type Table = &'static [(RangeInclusive<u16>, Row)];

/// `+CMS ERROR`: 1–127 are RP causes (24.011 §8.2.5.4), 128–255 TP-FCS (23.040 §9.2.3.22), from 300 on
/// the equipment (27.005 §3.2.5), from 512 on whatever a vendor likes. The first row that fits holds.
///
/// 1–255: the network refused. 300–331: it never left. 332, 500, 512–514 and what is not listed: nobody knows.
/// `Blame::Modem` also holds what concerns the state of the modem and not the message.
#[rustfmt::skip]
const CMS: Table = {
    use Blame::{Message, Modem, Network, Recipient, Sim};
    &[
        (1..=1, refused(Recipient, "invalid_destination", "unassigned number")),
        (8..=8, refused(Sim, "barred", "operator determined barring")),
        (10..=10, refused(Sim, "barred", "call barred")),
        (17..=17, refused(Network, REJECTED, "network failure")),
        (21..=21, refused(Message, REJECTED, "transfer rejected")),
        (22..=22, refused(Network, REJECTED, "congestion")),
        (27..=27, refused(Message, REJECTED, "destination out of service")),
        (28..=28, refused(Sim, REJECTED, "unidentified subscriber")),
        (29..=29, refused(Sim, REJECTED, "facility rejected")),
        (30..=30, refused(Sim, REJECTED, "unknown subscriber")),
        (31..=31, refused(Network, REJECTED, "normal, unspecified")),
        (38..=38, unless_late(Network, "network out of order")),
        (41..=41, unless_late(Network, "temporary failure")),
        (42..=42, refused(Network, REJECTED, "congestion")),
        (47..=47, refused(Network, REJECTED, "resources unavailable")),
        (50..=50, refused(Sim, REJECTED, "requested facility not subscribed")),
        (69..=69, refused(Sim, REJECTED, "requested facility not implemented")),
        (81..=81, refused(Message, REJECTED, "invalid reference value")),
        (95..=99, refused(Message, REJECTED, "protocol error")),
        (111..=111, unless_late(Message, "protocol error, unspecified")),
        (127..=127, refused(Network, REJECTED, "interworking, unspecified")),
        (128..=130, refused(Message, REJECTED, "protocol identifier not supported")),
        (143..=145, refused(Message, REJECTED, "data coding not supported")),
        (159..=161, refused(Message, REJECTED, "command not supported")),
        (175..=176, refused(Message, REJECTED, "TPDU not supported")),
        (192..=192, refused(Network, REJECTED, "service centre busy")),
        (193..=193, refused(Sim, REJECTED, "no service centre subscription")),
        (194..=194, refused(Network, REJECTED, "service centre system failure")),
        (195..=195, refused(Recipient, "invalid_destination", "invalid SME address")),
        (196..=196, refused(Recipient, "barred", "destination SME barred")),
        (197..=197, Row { certainty: Certainty::Accepted, blame: Message, code: REJECTED, words: "duplicate message" }),
        (198..=199, refused(Message, REJECTED, "validity period not supported")),
        (208..=213, refused(Modem, REJECTED, "SIM storage or SIM toolkit")),
        (255..=255, refused(Modem, REJECTED, "SIM toolkit busy or unspecified")),
        (1..=255, refused(Network, REJECTED, "refused")),
        (256..=263, refused(Network, REJECTED, "not allowed for now")),
        (300..=300, refused(Modem, REJECTED, "modem failure")),
        (301..=301, refused(Modem, REJECTED, "message service reserved")),
        (302..=302, refused(Modem, REJECTED, "operation not allowed")),
        (303..=303, refused(Modem, REJECTED, "operation not supported")),
        (304..=304, refused(Message, REJECTED, "invalid PDU mode parameter")),
        (305..=305, refused(Message, REJECTED, "invalid text mode parameter")),
        (310..=310, refused(Sim, "sim_missing", "SIM not inserted")),
        (311..=311, refused(Sim, "sim_locked", "SIM PIN required")),
        (312..=312, refused(Sim, "sim_locked", "PH-SIM PIN required")),
        (313..=313, refused(Sim, "sim_missing", "SIM failure")),
        (314..=314, refused(Modem, REJECTED, "SIM busy")),
        (315..=315, refused(Sim, "sim_missing", "SIM wrong")),
        (316..=318, refused(Sim, "sim_locked", "SIM PUK or PIN2 required")),
        (320..=320, refused(Modem, REJECTED, "memory failure")),
        (321..=321, refused(Modem, REJECTED, "invalid memory index")),
        (322..=322, refused(Modem, REJECTED, "memory full")),
        (330..=330, refused(Modem, REJECTED, "service centre address unknown")),
        (331..=331, refused(Modem, NO_NETWORK, "no network service")),
        (300..=331, refused(Modem, REJECTED, "refused by the modem")),
        (332..=332, unknown(Network, "network timeout")),
        (500..=500, unknown(Network, "unknown error")),
        (512..=514, unknown(Network, "lower layer failure")),
        (515..=515, refused(Modem, REJECTED, "busy")),
        (528..=529, refused(Network, NO_NETWORK, "location update failure")),
        // Wavecom: the number is not in the SIM's list of fixed numbers; another SIM has another list.
        (531..=531, refused(Sim, "barred", "fixed dialling numbers only")),
        (516..=554, refused(Message, REJECTED, "PDU refused by the modem")),
        (615..=616, refused(Network, NO_NETWORK, "network down")),
        (770..=770, refused(Sim, "sim_missing", "SIM invalid")),
        (772..=772, refused(Sim, "sim_missing", "SIM off")),
    ]
};

/// `+CME ERROR` that answers `AT+CMGS` (27.007 §9.2): the same numbers mean other things here.
#[rustfmt::skip]
const CME: Table = {
    use Blame::{Message, Modem, Network, Sim};
    &[
        (3..=4, refused(Modem, REJECTED, "operation not allowed or not supported")),
        (5..=7, refused(Sim, "sim_locked", "locked to another SIM")),
        (10..=10, refused(Sim, "sim_missing", "SIM not inserted")),
        (11..=11, refused(Sim, "sim_locked", "SIM PIN required")),
        (12..=12, refused(Sim, "sim_locked", "SIM PUK required")),
        (13..=13, refused(Sim, "sim_missing", "SIM failure")),
        (14..=14, refused(Modem, REJECTED, "SIM busy")),
        (15..=15, refused(Sim, "sim_missing", "SIM wrong")),
        (16..=18, refused(Sim, "sim_locked", "SIM PIN or PUK wrong")),
        (20..=23, refused(Modem, REJECTED, "memory")),
        (30..=30, refused(Modem, NO_NETWORK, "no network service")),
        (31..=31, unknown(Network, "network timeout")),
        (32..=32, refused(Modem, NO_NETWORK, "emergency calls only")),
        (40..=47, refused(Sim, "sim_locked", "locked to another network")),
        (50..=50, refused(Message, REJECTED, "incorrect parameters")),
        (103..=103, refused(Sim, REJECTED, "illegal subscriber")),
        (106..=107, refused(Sim, REJECTED, "illegal equipment or services not allowed")),
        (111..=113, refused(Sim, REJECTED, "network or area not allowed")),
        (132..=134, refused(Network, REJECTED, "service option not available")),
        (148..=150, refused(Network, REJECTED, "network refused the service")),
        (258..=258, refused(Modem, REJECTED, "busy")),
        (515..=515, refused(Modem, REJECTED, "busy")),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Progress = Progress::AfterCtrlZ(Duration::from_secs(3));
    const AT_LAST: Progress = Progress::AfterCtrlZ(Duration::from_secs(30));

    fn judged(line: &str, progress: Progress) -> Verdict {
        match FinalResult::read(line, false) {
            Some(FinalResult::Error(fault)) => verdict(&fault, progress),
            other => panic!("{line} reads as {other:?}"),
        }
    }

    #[track_caller]
    fn refusal(line: &str, progress: Progress) -> (Blame, &'static str) {
        match judged(line, progress) {
            Verdict::Refused(setback) => (setback.blame, setback.code),
            other => panic!("{line} is {other:?}"),
        }
    }

    #[test]
    fn every_form_of_a_final_result_is_known() {
        use Cause::{Code, Words};
        let error = |fault| Some(FinalResult::Error(fault));
        for (line, expected) in [
            ("OK", Some(FinalResult::Ok)),
            ("ERROR", error(Fault::Plain)),
            ("COMMAND NOT SUPPORT", error(Fault::Plain)),
            ("TOO MANY PARAMETERS", error(Fault::Plain)),
            ("NA", error(Fault::Plain)),
            ("+EXT ERROR: 2", error(Fault::Plain)),
            ("MODEM ERROR: 6", error(Fault::Plain)),
            ("NOT FOND ^,NOT CUSTOM AT", error(Fault::Plain)),
            ("+CME ERROR: 10", error(Fault::Cme(Code(10)))),
            ("+CME ERROR:515", error(Fault::Cme(Code(515)))),
            ("+CMS ERROR: 38", error(Fault::Cms(Code(38)))),
            ("+CME ERROR: SIM not inserted", error(Fault::Cme(Code(10)))),
            (
                "+CMS ERROR: Invalid memory index",
                error(Fault::Cms(Code(321))),
            ),
            ("+CMS ERROR: Unknown error", error(Fault::Cms(Code(500)))),
            (
                "+CMS ERROR: out of luck",
                error(Fault::Cms(Words("out of luck".into()))),
            ),
            ("0", None),
            ("4", None),
            ("+CMGS: 4", None),
            ("OKAY", None),
            ("ERRORS", None),
        ] {
            assert_eq!(FinalResult::read(line, false), expected, "{line}");
        }
        assert_eq!(FinalResult::read("0", true), Some(FinalResult::Ok));
        assert_eq!(FinalResult::read("4", true), error(Fault::Plain));
        assert_eq!(FinalResult::read("3", true), None);
    }

    #[test]
    fn a_refusal_says_whose_fault_it_was() {
        use Blame::{Message, Modem, Network, Recipient, Sim};
        for (codes, blame, code) in [
            (&[1, 195][..], Recipient, "invalid_destination"),
            (&[196], Recipient, "barred"),
            (&[8, 10], Sim, "barred"),
            (&[21, 27, 81, 95, 96, 97, 98, 99, 111], Message, REJECTED),
            (
                &[128, 130, 143, 159, 161, 175, 176, 198, 199],
                Message,
                REJECTED,
            ),
            (&[304, 305, 516, 549, 550, 553, 554], Message, REJECTED),
            (&[28, 29, 30, 50, 69, 193], Sim, REJECTED),
            (
                &[17, 22, 31, 38, 41, 42, 47, 127, 192, 194],
                Network,
                REJECTED,
            ),
            (&[2, 100, 254, 256, 263], Network, REJECTED),
            (&[528, 529, 615, 616], Network, NO_NETWORK),
            (&[310, 313, 315, 770, 772], Sim, "sim_missing"),
            (&[311, 312, 316, 317, 318], Sim, "sim_locked"),
            (&[208, 212, 213, 255, 300, 301], Modem, REJECTED),
            // These hold the modem, not the message.
            (&[302, 303, 314, 320, 321, 322, 330, 515], Modem, REJECTED),
            (&[331], Modem, NO_NETWORK),
            (&[306, 319, 329], Modem, REJECTED),
        ] {
            for n in codes {
                let line = format!("+CMS ERROR: {n}");
                assert_eq!(refusal(&line, AT_ONCE), (blame, code), "{line}");
            }
        }
    }

    #[test]
    fn an_equipment_error_is_read_by_its_own_table() {
        use Blame::{Message, Modem, Sim};
        for (codes, blame, code) in [
            (&[10, 13][..], Sim, "sim_missing"),
            (&[5, 11, 12, 16, 40, 47], Sim, "sim_locked"),
            (&[14, 258, 515, 3, 4], Modem, REJECTED),
            (&[30, 32], Modem, NO_NETWORK),
            (&[50], Message, REJECTED),
            (&[103, 106, 107, 111, 112, 113], Sim, REJECTED),
        ] {
            for n in codes {
                let line = format!("+CME ERROR: {n}");
                assert_eq!(refusal(&line, AT_ONCE), (blame, code), "{line}");
            }
        }
    }

    #[test]
    fn after_ctrl_z_some_answers_prove_nothing() {
        for line in [
            "+CMS ERROR: 332",
            "+CMS ERROR: 340",
            "+CMS ERROR: 500",
            "+CMS ERROR: 512",
            "+CMS ERROR: 513",
            "+CMS ERROR: 514",
            "+CMS ERROR: 600",
            "+CMS ERROR: 999",
            "+CMS ERROR: 264",
            "+CMS ERROR: out of luck",
            "+CME ERROR: 31",
            "+CME ERROR: 100",
            "+CME ERROR: 9999",
            "+CME ERROR: out of luck",
            "ERROR",
            "COMMAND NOT SUPPORT",
        ] {
            let Verdict::Uncertain(setback) = judged(line, AT_ONCE) else {
                panic!("{line} proves something");
            };
            assert_eq!(setback.code, "timeout_uncertain", "{line}");
            assert!(
                matches!(judged(line, Progress::BeforeCtrlZ), Verdict::Refused(_)),
                "{line}: nothing had left"
            );
        }
    }

    #[test]
    fn a_late_38_may_be_the_modems_own_timer() {
        for code in [38, 41, 111] {
            let line = format!("+CMS ERROR: {code}");
            let just_before = Progress::AfterCtrlZ(Duration::from_millis(29_999));
            assert!(matches!(judged(&line, just_before), Verdict::Refused(_)));
            assert!(matches!(judged(&line, AT_LAST), Verdict::Uncertain(_)));
        }
        for code in [42, 69, 96, 127] {
            let line = format!("+CMS ERROR: {code}");
            assert!(matches!(judged(&line, AT_LAST), Verdict::Refused(_)));
        }
    }

    #[test]
    fn a_duplicate_was_accepted_earlier() {
        assert_eq!(judged("+CMS ERROR: 197", AT_ONCE), Verdict::AcceptedEarlier);
    }

    #[test]
    fn a_setback_tells_what_was_said_and_no_number() {
        for (line, expected) in [
            ("+CMS ERROR: 38", "+CMS ERROR: 38 (network out of order)"),
            ("+CME ERROR: 14", "+CME ERROR: 14 (SIM busy)"),
            (
                "+CMS ERROR: bad number +4477009",
                "+CMS ERROR: bad number +#######",
            ),
            ("ERROR", "ERROR without a cause"),
        ] {
            match judged(line, AT_ONCE) {
                Verdict::Refused(setback) | Verdict::Uncertain(setback) => {
                    assert_eq!(setback.detail, expected);
                }
                Verdict::AcceptedEarlier => panic!("{line}"),
            }
        }
    }
}
