//! A recording played against the session: what it makes of what the modem said.
//!
//! The modem's lines are handed to a fresh session at the times of the recording. Where the recording sends a part,
//! a part of no importance is ordered. What the session writes is laid beside what was written then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use pdu_codec::Reference;

use super::profile::Profiles;
use super::recorder::masked;
use super::session::{Entry, Input, Output, Session};
use super::{ModemEvent, ModemSettings, Order, Outcome, Pin, Submit, Ticket};
use crate::domain::{
    Body, Destination, Encoding, ModemName, ModemState, PartNumber, PduDigest, Pepper,
};

/// Where a recording cannot be read, and why.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(crate) struct ReplayError {
    line: usize,
    why: &'static str,
}

/// What the session made of a recording, line by line.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) lines: Vec<String>,
    /// How often it wrote something else than was written then.
    pub(crate) departures: usize,
    /// What it took the modem to be in at the end.
    pub(crate) state: ModemState,
}

/// One line of a recording.
#[derive(Debug)]
pub(super) enum Beat {
    Wrote(String),
    Said(Vec<u8>),
    Passes(Duration),
    Note(String),
}

const SUBMIT: &str = "AT+CMGS=";

/// How long the session is waited on for something that the recording says it wrote.
const PATIENCE: Duration = Duration::from_secs(600);

/// Plays `recording`. `now`: any moment; time is that of the recording.
///
/// # Errors
/// When the text is no recording.
pub(crate) fn replay(recording: &str, now: Instant) -> Result<Replayed, ReplayError> {
    let beats = read(recording)?;
    let mut stage = Stage::new(&beats, now);
    stage.drain();
    for (at, beat) in beats.iter().enumerate() {
        stage.look_ahead(beat, &beats[at + 1..]);
        stage.play(beat);
    }
    Ok(Replayed {
        lines: stage.lines,
        departures: stage.departures,
        state: stage.state,
    })
}

pub(super) fn read(recording: &str) -> Result<Vec<Beat>, ReplayError> {
    let mut beats = Vec::new();
    for (line, content) in (1..).zip(recording.lines()) {
        let (mark, rest) = content.split_once(' ').unwrap_or((content, ""));
        beats.push(match mark {
            "" => continue,
            "#" => Beat::Note(rest.to_owned()),
            ">" => Beat::Wrote(rest.to_owned()),
            "<" => Beat::Said(unescaped(rest).ok_or(ReplayError {
                line,
                why: "after \\ comes r, n, \\ or x with two digits",
            })?),
            "@" => {
                let pause = rest.strip_prefix('+').and_then(|ms| ms.parse().ok());
                Beat::Passes(Duration::from_millis(pause.ok_or(ReplayError {
                    line,
                    why: "a pause is written +86 for 86 ms",
                })?))
            }
            _ => {
                return Err(ReplayError {
                    line,
                    why: "the marks of a recording are > < @ and #",
                });
            }
        });
    }
    Ok(beats)
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'\\' => match rest.next()? {
                b'r' => b'\r',
                b'n' => b'\n',
                b'\\' => b'\\',
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                _ => return None,
            },
            other => other,
        });
    }
    Some(octets)
}

/// A session in the course of a replay.
struct Stage {
    session: Session,
    now: Instant,
    lines: Vec<String>,
    departures: usize,
    state: ModemState,
    /// What the session has written and the recording has not come to.
    written: VecDeque<String>,
    tickets: i64,
    /// The part that the recording comes to next is ordered.
    is_ordered: bool,
    pin_was_entered: bool,
}

impl Stage {
    fn new(beats: &[Beat], now: Instant) -> Self {
        let wrote = |start: &str| {
            beats
                .iter()
                .any(|beat| matches!(beat, Beat::Wrote(text) if text.starts_with(start)))
        };
        let pin_was_entered = wrote("AT+CPIN=");
        let settings = ModemSettings {
            name: ModemName::parse("replay").expect("letters only"),
            device: "recording".into(),
            seeking: None,
            left_alone: None,
            baud: 115_200,
            command_timeout: Duration::from_secs(5),
            send_timeout: Duration::from_secs(120),
            smsc: wrote("AT+CSCA=").then(|| "+0000000".to_owned()),
            pin: Pin::parse("0000", &Pepper::new(&[0; 32])).filter(|_| pin_was_entered),
            storage: None,
            profiles: Profiles::built_in(),
            profile: None,
            known_profile: None,
            helped: None,
            recordings: None,
            delete_from_sim: beats
                .iter()
                .any(|beat| matches!(beat, Beat::Wrote(text) if text.starts_with("AT+CMGD="))),
            hang_up: wrote("AT+CLIP=1"),
            listen_first: None,
            mean_send: Duration::from_secs(4),
        };
        Self {
            session: Session::new(settings, Entry::Usual, now),
            now,
            lines: Vec::new(),
            departures: 0,
            state: ModemState::Starting,
            written: VecDeque::new(),
            tickets: 0,
            is_ordered: false,
            pin_was_entered,
        }
    }

    /// A part that follows an answer at once was waiting for it: it is ordered before the answer is handed over.
    fn look_ahead(&mut self, beat: &Beat, coming: &[Beat]) {
        let next = coming
            .iter()
            .find(|beat| matches!(beat, Beat::Wrote(_) | Beat::Said(_)));
        let part_follows = matches!(next, Some(Beat::Wrote(text)) if text.starts_with(SUBMIT));
        if part_follows && matches!(beat, Beat::Said(_)) && self.state == ModemState::Ready {
            self.order_a_part();
        }
    }

    fn play(&mut self, beat: &Beat) {
        match beat {
            Beat::Note(note) => self.lines.push(format!("# {note}")),
            Beat::Passes(pause) => self.wait_until(self.now + *pause),
            Beat::Said(octets) => {
                self.lines.push(format!("< {}", masked(octets)));
                self.session.handle(self.now, Input::Octets(octets));
                self.drain();
            }
            Beat::Wrote(recorded) => self.compare(recorded),
        }
    }

    fn compare(&mut self, recorded: &str) {
        let sends = recorded.starts_with(SUBMIT);
        if sends && !std::mem::take(&mut self.is_ordered) {
            self.order_a_part();
            self.is_ordered = false;
        }
        self.wait_for_a_word();
        let Some(said) = self.written.pop_front() else {
            self.departures += 1;
            return self
                .lines
                .push(format!("> (nothing; recorded: {recorded})"));
        };
        // A part's length and its PDU are those of another text.
        let is_part = sends && said.starts_with(SUBMIT) || is_pdu(recorded) && is_pdu(&said);
        if said == recorded || is_part {
            return self.lines.push(format!("> {recorded}"));
        }
        self.departures += 1;
        self.lines.push(format!("> {said} (recorded: {recorded})"));
    }

    fn order_a_part(&mut self) {
        self.is_ordered = true;
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let submit = Submit {
            ticket,
            to: Destination::stored("+10000000000").expect("a number by its form"),
            body: Body::stored("replay".to_owned()),
            encoding: Encoding::Gsm7,
            part: PartNumber(1),
            reference: Reference::Eight(0),
            request_report: true,
            validity: Duration::from_secs(3600),
            flash: false,
            made_of: None,
            message: crate::domain::MessageSeq(1),
        };
        for order in [Order::Prepare(Box::new(submit)), Order::Go(ticket)] {
            self.session.handle(self.now, Input::Order(order));
        }
        self.drain();
    }

    /// Times of a recording are rounded: a deadline may be a moment behind them.
    fn wait_for_a_word(&mut self) {
        let end = self.now + PATIENCE;
        while self.written.is_empty() {
            match self.session.deadline().filter(|deadline| *deadline <= end) {
                Some(deadline) => self.wait_until(deadline),
                None => return,
            }
        }
    }

    fn wait_until(&mut self, end: Instant) {
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.session.handle(self.now, Input::Deadline);
            self.drain();
        }
        self.now = self.now.max(end);
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Write(octets) => self.written.push_back(masked(&octets)),
                Output::Status(status) => {
                    if status.state != self.state {
                        self.state = status.state;
                        let error = status.last_error.map(|error| format!(": {error}"));
                        let error = error.unwrap_or_default();
                        self.lines
                            .push(format!("! {}{error}", status.state.as_str()));
                    }
                }
                Output::Event(event) => {
                    self.lines.push(format!("! {}", told(&event)));
                    // The house has kept it, as it had then.
                    if let ModemEvent::Received { pdu, .. } = event {
                        let kept = Order::Kept(PduDigest::of(&pdu));
                        self.session.handle(self.now, Input::Order(kept));
                    }
                }
                Output::Claim(_) => {
                    let may = self.pin_was_entered;
                    self.session.handle(self.now, Input::Claimed(may));
                }
                Output::Opened(_) => self.lines.push("! the PIN was right".to_owned()),
                // A recording does not say what was asked.
                Output::Told(..) => {}
                Output::Depart(departure) => self
                    .lines
                    .push(format!("! the session ends: {departure:?}")),
            }
        }
    }
}

fn is_pdu(text: &str) -> bool {
    text.strip_suffix("\\x1A")
        .is_some_and(|hex| !hex.is_empty())
        || text
            .strip_suffix("\\x1a")
            .is_some_and(|hex| !hex.is_empty())
}

fn told(event: &ModemEvent) -> String {
    match event {
        ModemEvent::Answer { outcome, .. } => match outcome {
            Outcome::Accepted { reference, .. } => match reference {
                Some(reference) => format!("a part was accepted, reference {}", reference.0),
                None => "a part was accepted, without a reference".to_owned(),
            },
            Outcome::Refused(setback) => format!("a part was refused: {setback}"),
            Outcome::Uncertain(setback) => format!("a part is uncertain: {setback}"),
            Outcome::NeverLeft(setback) => format!("a part never left: {setback}"),
        },
        ModemEvent::Report { .. } => "a status report".to_owned(),
        ModemEvent::Received {
            is_stored: true, ..
        } => "a text, read from where it was stored".to_owned(),
        ModemEvent::Received { .. } => "a text, delivered directly".to_owned(),
        ModemEvent::SlotStuck { memory, index, why } => {
            format!("slot {memory}/{index} stays as it is: {why}")
        }
        ModemEvent::LateReference(reference) => format!("a late reference: {}", reference.0),
        ModemEvent::Recovery(step) => {
            format!("recovery: {}, {}", step.rung.words(), step.outcome.as_str())
        }
        ModemEvent::Call(_) => "a call was hung up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_recording_is_told_with_its_line() {
        for (text, line) in [
            ("> AT\n? x", 2),
            ("@ 86", 1),
            ("# a\n\n< \\q", 3),
            ("< \\x1", 1),
        ] {
            let error = replay(text, Instant::now()).unwrap_err();
            assert_eq!(error.line, line, "{text}");
        }
    }

    #[test]
    fn a_session_that_writes_something_else_than_was_recorded_is_told() {
        let text = "> \\x1b\n> AT\\r\n< \\r\\nOK\\r\\n\n> ATZ\\r\n";
        let replayed = replay(&text.replace("\\x1b", "\\x1B"), Instant::now()).unwrap();
        assert_eq!(replayed.departures, 1);
        assert_eq!(
            replayed.lines.last().unwrap(),
            "> ATE0\\r (recorded: ATZ\\r)"
        );
    }
}
