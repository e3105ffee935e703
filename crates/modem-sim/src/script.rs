//! **Script**: the faults that can be ordered, and what is left of those ordered for one modem.
//!
//! A fault is an order for one modem and outlives an unplug: what was asked of "the third send from now" is
//! still asked after a replug. Pure: the modem and the network ask the script; it decides nothing by itself.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One fault, as it is ordered through the control socket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Refuses sends with `+CMS ERROR: code`; `sends` pairs the k-th send from now (1 is the next) with a code.
    Refuse {
        sends: Vec<(u32, u16)>,
    },
    /// Ignores everything that is written and says nothing, until `silence_ends` or for so long.
    Silence {
        #[serde(default)]
        for_ms: Option<u64>,
    },
    SilenceEnds,
    /// `AT+CMGS` brings no prompt; only ESC leads out.
    PromptNever {
        #[serde(default = "once")]
        times: u32,
    },
    /// The prompt comes so much later than it otherwise would.
    PromptLate {
        ms: u64,
        #[serde(default = "once")]
        times: u32,
    },
    /// The text is accepted in time; the modem tells so much later.
    AnswerLate {
        ms: u64,
        #[serde(default = "once")]
        times: u32,
    },
    /// The text is accepted; the modem never tells.
    AnswerLost {
        #[serde(default = "once")]
        times: u32,
    },
    /// The reports of the next sends carry this TP-ST.
    ReportStatus {
        status: u8,
        #[serde(default = "once")]
        times: u32,
    },
    /// No reports for the next sends; without `times`, for all until `clear`.
    NoReports {
        #[serde(default)]
        times: Option<u32>,
    },
    /// The report is announced before the answer to the send it reports on.
    ReportFirst {
        #[serde(default = "once")]
        times: u32,
    },
    /// Writes come in pieces of so many octets, 1 ms apart; 0 ends it.
    Fragments {
        octets: usize,
    },
    /// The modem says this line unasked.
    Urc {
        text: String,
    },
    /// The SIM's store says it is full.
    StorageFull {
        #[serde(default = "yes")]
        on: bool,
    },
    /// The network is lost (`+CREG: 2`), or found again.
    Unregistered {
        #[serde(default = "yes")]
        on: bool,
    },
    /// A text whose answer was outstanding when the modem is unplugged has not been sent.
    LosesInFlight {
        #[serde(default = "yes")]
        on: bool,
    },
    /// Ends every fault of this modem.
    Clear,
}

impl Fault {
    /// The name and one line about each fault, for `--list-faults`.
    pub const CATALOGUE: &[(&'static str, &'static str)] = &[
        (
            "refuse",
            "answers the k-th send from now with +CMS ERROR: code (sends: [[k, code], …])",
        ),
        (
            "silence",
            "ignores all input and says nothing (for_ms, or until silence_ends)",
        ),
        ("silence_ends", "ends silence"),
        ("prompt_never", "no prompt for the next sends (times)"),
        (
            "prompt_late",
            "the prompt of the next sends comes later (ms, times)",
        ),
        (
            "answer_late",
            "the answer of the next sends comes later; the text is accepted in time (ms, times)",
        ),
        (
            "answer_lost",
            "the next sends are accepted and never answered (times)",
        ),
        (
            "report_status",
            "reports of the next sends carry this TP-ST (status, times)",
        ),
        (
            "no_reports",
            "no reports for the next sends (times; without it until clear)",
        ),
        (
            "report_first",
            "the report of the next sends precedes the answer (times)",
        ),
        (
            "fragments",
            "output in pieces of n octets, 1 ms apart (octets; 0 ends it)",
        ),
        ("urc", "the modem says a line unasked (text)"),
        ("storage_full", "the SIM's store is full (on)"),
        ("unregistered", "the network is lost (on)"),
        (
            "loses_in_flight",
            "unplugging loses the text whose answer is outstanding (on)",
        ),
        ("clear", "ends every fault of the modem"),
    ];

    pub fn name(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refuse",
            Self::Silence { .. } => "silence",
            Self::SilenceEnds => "silence_ends",
            Self::PromptNever { .. } => "prompt_never",
            Self::PromptLate { .. } => "prompt_late",
            Self::AnswerLate { .. } => "answer_late",
            Self::AnswerLost { .. } => "answer_lost",
            Self::ReportStatus { .. } => "report_status",
            Self::NoReports { .. } => "no_reports",
            Self::ReportFirst { .. } => "report_first",
            Self::Fragments { .. } => "fragments",
            Self::Urc { .. } => "urc",
            Self::StorageFull { .. } => "storage_full",
            Self::Unregistered { .. } => "unregistered",
            Self::LosesInFlight { .. } => "loses_in_flight",
            Self::Clear => "clear",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn once() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// What is still to go wrong with one modem.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Send number → code; numbers count from the first send of the simulation.
    refusals: BTreeMap<u64, u16>,
    sends: u64,
    prompt_never: u32,
    prompt_late: Counted<u64>,
    answer_late: Counted<u64>,
    answer_lost: u32,
    report_status: Counted<u8>,
    no_reports: Withheld,
    report_first: u32,
    pub(crate) fragments: Option<usize>,
    pub(crate) storage_full: bool,
    pub(crate) loses_in_flight: bool,
}

/// Reports that are not sent.
#[derive(Debug, Default)]
enum Withheld {
    #[default]
    None,
    Next(u32),
    UntilCleared,
}

/// A value that holds for so many more sends.
#[derive(Debug, Default)]
struct Counted<T> {
    value: T,
    left: u32,
}

impl<T: Copy> Counted<T> {
    fn new(value: T, left: u32) -> Self {
        Self { value, left }
    }

    fn spend(&mut self) -> Option<T> {
        spend(&mut self.left).then_some(self.value)
    }
}

fn spend(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

/// What becomes of the prompt of one `AT+CMGS`.
#[derive(Debug, PartialEq)]
pub(crate) enum PromptFate {
    Comes { late_ms: u64 },
    Never,
}

/// What becomes of one send; drawn when its Ctrl-Z is read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SendFate {
    pub(crate) refused_with: Option<u16>,
    pub(crate) answer: AnswerFate,
    pub(crate) report: ReportFate,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum AnswerFate {
    InTime,
    Late { ms: u64 },
    Lost,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ReportFate {
    Comes {
        status: Option<u8>,
        before_answer: bool,
    },
    Never,
}

impl Script {
    /// Takes an order in. What is an event rather than a state (silence, a URC, registration) is the modem's.
    pub(crate) fn order(&mut self, fault: &Fault) {
        match *fault {
            Fault::Refuse { ref sends } => {
                let wanted = sends.iter().take(MOST_REFUSALS);
                self.refusals
                    .extend(wanted.map(|&(k, code)| (self.sends + u64::from(k), code)));
                while self.refusals.len() > MOST_REFUSALS {
                    self.refusals.pop_last();
                }
            }
            Fault::PromptNever { times } => self.prompt_never = times,
            Fault::PromptLate { ms, times } => self.prompt_late = Counted::new(ms, times),
            Fault::AnswerLate { ms, times } => self.answer_late = Counted::new(ms, times),
            Fault::AnswerLost { times } => self.answer_lost = times,
            Fault::ReportStatus { status, times } => {
                self.report_status = Counted::new(status, times);
            }
            Fault::NoReports { times } => {
                self.no_reports = times.map_or(Withheld::UntilCleared, Withheld::Next)
            }
            Fault::ReportFirst { times } => self.report_first = times,
            Fault::Fragments { octets } => self.fragments = (octets > 0).then_some(octets),
            Fault::StorageFull { on } => self.storage_full = on,
            Fault::LosesInFlight { on } => self.loses_in_flight = on,
            Fault::Clear => {
                *self = Self {
                    sends: self.sends,
                    ..Self::default()
                }
            }
            Fault::Silence { .. }
            | Fault::SilenceEnds
            | Fault::Urc { .. }
            | Fault::Unregistered { .. } => {}
        }
    }

    pub(crate) fn next_prompt(&mut self) -> PromptFate {
        if spend(&mut self.prompt_never) {
            return PromptFate::Never;
        }
        PromptFate::Comes {
            late_ms: self.prompt_late.spend().unwrap_or(0),
        }
    }

    pub(crate) fn next_send(&mut self) -> SendFate {
        self.sends += 1;
        let refused_with = self.refusals.remove(&self.sends);
        if refused_with.is_some() {
            // A refused text has no answer to lose and no report to colour: those orders wait for the next one.
            return SendFate {
                refused_with,
                answer: AnswerFate::InTime,
                report: ReportFate::Never,
            };
        }
        SendFate {
            refused_with,
            answer: self.next_answer(),
            report: self.next_report(),
        }
    }

    fn next_answer(&mut self) -> AnswerFate {
        if spend(&mut self.answer_lost) {
            return AnswerFate::Lost;
        }
        match self.answer_late.spend() {
            Some(ms) => AnswerFate::Late { ms },
            None => AnswerFate::InTime,
        }
    }

    fn next_report(&mut self) -> ReportFate {
        let withheld = match &mut self.no_reports {
            Withheld::None => false,
            Withheld::Next(left) => spend(left),
            Withheld::UntilCleared => true,
        };
        if withheld {
            return ReportFate::Never;
        }
        ReportFate::Comes {
            status: self.report_status.spend(),
            before_answer: spend(&mut self.report_first),
        }
    }
}

/// More than any test orders; what is over is dropped from the far end.
const MOST_REFUSALS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_k_th_send_from_now_is_refused_and_no_other() {
        let mut script = Script::default();
        script.next_send();
        script.order(&Fault::Refuse {
            sends: vec![(1, 38), (3, 42)],
        });
        let codes: Vec<_> = (0..4).map(|_| script.next_send().refused_with).collect();
        assert_eq!(codes, [Some(38), None, Some(42), None]);
    }

    #[test]
    fn a_counted_fault_ends_by_itself() {
        let mut script = Script::default();
        script.order(&Fault::AnswerLost { times: 2 });
        let answers: Vec<_> = (0..3).map(|_| script.next_send().answer).collect();
        assert_eq!(
            answers,
            [AnswerFate::Lost, AnswerFate::Lost, AnswerFate::InTime]
        );
    }

    #[test]
    fn no_reports_without_a_number_holds_until_clear() {
        let mut script = Script::default();
        script.order(&Fault::NoReports { times: None });
        for _ in 0..5 {
            assert_eq!(script.next_send().report, ReportFate::Never);
        }
        script.order(&Fault::Clear);
        assert_ne!(script.next_send().report, ReportFate::Never);
    }

    #[test]
    fn every_fault_of_the_catalogue_can_be_ordered_by_its_name() {
        for (name, _) in Fault::CATALOGUE {
            let order = serde_json::json!({
                "kind": name, "sends": [[1, 38]], "ms": 1, "status": 0, "octets": 1, "text": "X",
            });
            // Unknown fields are refused, so each name is tried with the fields it takes.
            let fields = order.as_object().unwrap();
            let read = [
                vec![],
                vec!["sends"],
                vec!["ms"],
                vec!["status"],
                vec!["octets"],
                vec!["text"],
            ]
            .iter()
            .find_map(|keys| {
                let mut order = serde_json::json!({ "kind": name });
                for key in keys {
                    order[*key] = fields[*key].clone();
                }
                serde_json::from_value::<Fault>(order).ok()
            });
            assert_eq!(read.unwrap().to_string(), *name);
        }
    }
}
