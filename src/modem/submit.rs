//! The life of one `AT+CMGS`: prompt, go or withdraw, PDU, reference, and the uncertain end.
//!
//! A flight knows what may be written and what each answer means; the session writes it and tells dispatch.

use std::time::{Duration, Instant};

use pdu_codec::MessageReference;

use super::encode::Encoded;
use super::{Outcome, Ticket};
use crate::at::answer::{Ailment, Fault, Progress, Verdict, ailment, verdict};
use crate::at::chat::Refusal;
use crate::at::command::Command;
use crate::at::information;
use crate::domain::{Blame, Setback};

/// A part that dispatch prepared.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) ticket: Ticket,
    pub(super) pdu: Encoded,
    pub(super) word: Word,
}

/// What dispatch said after `Prepare`; withdraw ends the part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Word {
    Awaited,
    Go,
}

/// The part in flight.
#[derive(Debug)]
pub(super) struct Flight {
    part: Part,
    phase: Phase,
    opened_again: bool,
    /// This model leaves `+CMGS:` out.
    omits_reference: bool,
    ailment: Option<Ailment>,
}

#[derive(Debug)]
enum Phase {
    /// `AT+CMGS` is written, its prompt has not come.
    Opening,
    /// Withdrawn and answered; the prompt is still to come, and to be left.
    Leaving,
    /// The modem waits for the PDU, we for the word.
    Prompted { until: Instant },
    /// The PDU and Ctrl-Z are written.
    Flown { at: Instant },
}

/// What a flight asks its session to do.
#[derive(Debug, PartialEq)]
pub(super) enum Move {
    Stay,
    /// Write the PDU and Ctrl-Z.
    Fly {
        hex: String,
    },
    /// Tell dispatch; the flight goes on.
    Answer(Outcome),
    /// Wake the modem, then open the same part again.
    OpenAgain,
    Over(Option<Outcome>, Then),
}

/// What the line needs after a flight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Then {
    /// Nothing: its result was read.
    Next,
    /// The prompt is to be left.
    LeavePrompt,
    /// A result may still come.
    Awaken,
    /// The port is to be opened anew.
    Depart,
}

/// A modem is not kept in its prompt for longer: slow disks take seconds, a stuck one takes for ever.
const LONGEST_WAIT_IN_PROMPT: Duration = Duration::from_secs(10);

impl Flight {
    pub(super) fn new(part: Part, omits_reference: bool) -> Self {
        Self {
            part,
            phase: Phase::Opening,
            opened_again: false,
            omits_reference,
            ailment: None,
        }
    }

    /// What its outcome says of the modem.
    pub(super) fn ailment(&self) -> Option<Ailment> {
        self.ailment
    }

    pub(super) fn command(&self) -> Command {
        Command::submit(self.part.pdu.octets)
    }

    pub(super) fn ticket(&self) -> Ticket {
        self.part.ticket
    }

    /// Withdrawn: it only waits for its prompt, to leave it.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self.phase, Phase::Leaving)
    }

    /// When Ctrl-Z was written.
    pub(super) fn flown_at(&self) -> Option<Instant> {
        match self.phase {
            Phase::Flown { at } => Some(at),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Prompted { until } => Some(until),
            _ => None,
        }
    }

    pub(super) fn on_prompt(&mut self, now: Instant) -> Move {
        match self.phase {
            Phase::Opening if self.part.word == Word::Go => self.fly(now),
            Phase::Opening => {
                self.phase = Phase::Prompted {
                    until: now + LONGEST_WAIT_IN_PROMPT,
                };
                Move::Stay
            }
            Phase::Leaving => Move::Over(None, Then::LeavePrompt),
            Phase::Prompted { .. } | Phase::Flown { .. } => Move::Stay,
        }
    }

    pub(super) fn on_go(&mut self, now: Instant) -> Move {
        self.part.word = Word::Go;
        match self.phase {
            Phase::Prompted { .. } => self.fly(now),
            Phase::Opening | Phase::Leaving | Phase::Flown { .. } => Move::Stay,
        }
    }

    pub(super) fn on_withdraw(&mut self) -> Move {
        match self.phase {
            Phase::Opening => {
                // An ESC before the prompt is lost on some modems and ends the command on others: the
                // prompt, which comes within milliseconds, is left instead.
                self.phase = Phase::Leaving;
                Move::Answer(withdrawn())
            }
            Phase::Prompted { .. } => Move::Over(Some(withdrawn()), Then::LeavePrompt),
            Phase::Leaving | Phase::Flown { .. } => Move::Stay,
        }
    }

    pub(super) fn on_deadline(&mut self, now: Instant) -> Move {
        match self.phase {
            Phase::Prompted { until } if until <= now => Move::Over(
                Some(Outcome::NeverLeft(Setback {
                    blame: Blame::House,
                    code: "internal",
                    detail: "the intent was not stored within 10 s: the disk is slow".to_owned(),
                    wait: None,
                })),
                Then::LeavePrompt,
            ),
            _ => Move::Stay,
        }
    }

    pub(super) fn on_answer(&mut self, now: Instant, answer: Result<Vec<String>, Refusal>) -> Move {
        self.ailment = match (&answer, self.flown_at()) {
            (Err(Refusal::Answered(fault)), _) => ailment(fault),
            (Err(Refusal::Silent), Some(_)) => Some(Ailment::NoResult),
            _ => None,
        };
        match (&self.phase, answer) {
            (Phase::Flown { at }, answer) => {
                let took = now.saturating_duration_since(*at);
                match answer {
                    Ok(information) => {
                        let outcome = taken(&information, took, self.omits_reference);
                        Move::Over(Some(outcome), Then::Next)
                    }
                    Err(Refusal::Answered(fault)) => {
                        Move::Over(Some(judged(&fault, took)), Then::Next)
                    }
                    Err(Refusal::Silent) => Move::Over(
                        Some(uncertain("timeout_uncertain", "no result after Ctrl-Z")),
                        Then::Awaken,
                    ),
                }
            }
            (Phase::Leaving, Err(Refusal::Silent)) => Move::Over(None, Then::Awaken),
            (Phase::Leaving, _) => Move::Over(None, Then::Next),
            (_, Err(Refusal::Answered(fault))) => Move::Over(Some(not_begun(&fault)), Then::Next),
            (_, Err(Refusal::Silent)) if !self.opened_again => {
                self.opened_again = true;
                self.phase = Phase::Opening;
                Move::OpenAgain
            }
            (_, _) => Move::Over(Some(never_left("the modem gave no prompt")), Then::Depart),
        }
    }

    /// The line ends here; `information` is what the modem had answered so far. `None`: answered before.
    pub(super) fn on_end(&self, now: Instant, information: &[String], end: End) -> Option<Outcome> {
        match self.phase {
            Phase::Leaving => None,
            Phase::Opening | Phase::Prompted { .. } => Some(never_left(end.words())),
            Phase::Flown { at } => {
                let took = now.saturating_duration_since(at);
                Some(accepted(information, took).unwrap_or_else(|| end.uncertain()))
            }
        }
    }

    fn fly(&mut self, now: Instant) -> Move {
        self.phase = Phase::Flown { at: now };
        Move::Fly {
            hex: self.part.pdu.hex.clone(),
        }
    }
}

/// Why a line ends with a part on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum End {
    PortLost,
    Silent,
    /// It is given a remedy.
    Recovering,
    Stopped,
}

impl End {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::PortLost => "the port was lost",
            Self::Silent => "the modem does not answer",
            Self::Recovering => "the modem is recovering",
            Self::Stopped => "the gateway stops",
        }
    }

    fn uncertain(self) -> Outcome {
        match self {
            Self::PortLost => uncertain("modem_lost", "the port was lost after Ctrl-Z"),
            Self::Silent | Self::Recovering => {
                uncertain("timeout_uncertain", "no result after Ctrl-Z")
            }
            Self::Stopped => uncertain("timeout_uncertain", "the gateway stopped after Ctrl-Z"),
        }
    }
}

fn accepted(information: &[String], took: Duration) -> Option<Outcome> {
    let reference = information
        .iter()
        .find_map(|line| information::message_reference(line))?;
    Some(Outcome::Accepted {
        reference: reference.map(MessageReference),
        took,
        taken: None,
    })
}

fn taken(information: &[String], took: Duration, omits_reference: bool) -> Outcome {
    // behaviour §3.4: an OK without +CMGS proves nothing unless the model is known to leave it out.
    accepted(information, took).unwrap_or_else(|| match omits_reference {
        true => Outcome::Accepted {
            reference: None,
            took,
            taken: None,
        },
        false => uncertain("timeout_uncertain", "OK without a message reference"),
    })
}

fn judged(fault: &Fault, elapsed: Duration) -> Outcome {
    match verdict(fault, Progress::AfterCtrlZ(elapsed)) {
        Verdict::Refused(setback) => Outcome::Refused(setback),
        Verdict::Uncertain(setback) => Outcome::Uncertain(setback),
        Verdict::AcceptedEarlier => Outcome::Accepted {
            reference: None,
            took: elapsed,
            taken: None,
        },
    }
}

/// An error instead of the prompt. What is about the modem costs the part no try.
fn not_begun(fault: &Fault) -> Outcome {
    match verdict(fault, Progress::BeforeCtrlZ) {
        Verdict::Refused(setback) if setback.blame != Blame::Modem => Outcome::Refused(setback),
        Verdict::Refused(setback) | Verdict::Uncertain(setback) => Outcome::NeverLeft(setback),
        Verdict::AcceptedEarlier => never_left("the modem gave no prompt"),
    }
}

fn uncertain(code: &'static str, detail: &str) -> Outcome {
    Outcome::Uncertain(Setback {
        blame: Blame::Modem,
        code,
        detail: detail.to_owned(),
        wait: None,
    })
}

pub(super) fn never_left(detail: &str) -> Outcome {
    Outcome::NeverLeft(Setback {
        blame: Blame::Modem,
        code: "modem_lost",
        detail: detail.to_owned(),
        wait: None,
    })
}

pub(super) fn withdrawn() -> Outcome {
    never_left("withdrawn before Ctrl-Z")
}
