//! **Replay**: a transcript played as the modem, for whoever wants to know how a host gets on with it.
//!
//! A pure core: it receives octets and time. It says what the modem said, as long after the host's words as the
//! modem did, and notes where the host departs from the recording. It answers nothing that is not recorded: a
//! host that says something else hears nothing, and may then say the recorded line.
//!
//! One input, then drain [`Replay::poll`]; then wait until [`Replay::deadline`].

use std::collections::VecDeque;
use std::time::Instant;

use crate::transcript::Transcript;

/// A transcript in the course of being played.
#[derive(Debug)]
pub struct Replay {
    transcript: Transcript,
    /// The turn whose host line is awaited.
    turn: usize,
    /// What of that line has been written.
    heard: Vec<u8>,
    /// Rest of a line that departed; its end is awaited.
    departing: bool,
    saying: VecDeque<(Instant, Vec<u8>)>,
    departures: Vec<Departure>,
    outbox: VecDeque<Vec<u8>>,
}

/// A line of the host that is not the recorded one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Departure {
    #[error(
        "line {line}: the host wrote {:?} in place of {:?}",
        ascii(said),
        ascii(recorded)
    )]
    Otherwise {
        /// The line of the transcript that was awaited.
        line: usize,
        recorded: Vec<u8>,
        said: Vec<u8>,
    },
    #[error("behind the end: the host wrote {:?}", ascii(said))]
    BehindTheEnd { said: Vec<u8> },
    #[error("line {line}: the host wrote while the modem had not finished its answer")]
    TooEarly { line: usize },
}

fn ascii(octets: &[u8]) -> String {
    octets.escape_ascii().to_string()
}

impl Replay {
    /// Begins with what the modem says unasked before the host's first line, if it says anything.
    pub fn new(now: Instant, transcript: Transcript) -> Self {
        let mut replay = Self {
            transcript,
            turn: 0,
            heard: Vec::new(),
            departing: false,
            saying: VecDeque::new(),
            departures: Vec::new(),
            outbox: VecDeque::new(),
        };
        let boots = replay.transcript.turns().first();
        if boots.is_some_and(|turn| turn.host.is_none()) {
            replay.answer(now);
        }
        replay
    }

    /// The host has written.
    pub fn take(&mut self, now: Instant, octets: &[u8]) {
        for &octet in octets {
            self.take_octet(now, octet);
        }
    }

    /// What the modem says now.
    pub fn poll(&mut self) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.saying.front().map(|(due, _)| *due)
    }

    /// The deadline that [`Replay::deadline`] announced has come.
    pub fn expire(&mut self, now: Instant) {
        while let Some((_, octets)) = self.saying.pop_front_if(|(due, _)| *due <= now) {
            self.outbox.push_back(octets);
        }
    }

    /// Where the host did not keep to the recording, in order; the first ones, should there be very many.
    pub fn departures(&self) -> &[Departure] {
        &self.departures
    }

    /// The line of the transcript that the host is to write next; `None` behind the last.
    pub fn awaits(&self) -> Option<&[u8]> {
        let turn = self.transcript.turns().get(self.turn)?;
        turn.host.as_ref().map(|host| host.octets.as_slice())
    }

    /// Whether the host has written all its lines and the modem has said all of its own.
    pub fn is_over(&self) -> bool {
        self.awaits().is_none() && self.saying.is_empty() && self.outbox.is_empty()
    }

    fn take_octet(&mut self, now: Instant, octet: u8) {
        self.heard.push(octet);
        let ends = matches!(octet, b'\r' | CTRL_Z | ESC);
        let host = self.transcript.turns().get(self.turn);
        let host = host.and_then(|turn| turn.host.as_ref());
        let recorded = host.map(|host| (host.line, host.octets.as_slice()));
        self.departing |= !recorded.is_some_and(|(_, octets)| octets.starts_with(&self.heard));
        match recorded {
            Some((line, octets)) if !self.departing && octets == self.heard => {
                if !self.saying.is_empty() {
                    self.note(Departure::TooEarly { line });
                }
                self.heard.clear();
                self.answer(now);
            }
            _ if self.departing && (ends || self.heard.len() == LONGEST_LINE) => {
                let said = std::mem::take(&mut self.heard);
                let departure = match recorded {
                    Some((line, octets)) => Departure::Otherwise {
                        line,
                        recorded: octets.to_vec(),
                        said,
                    },
                    None => Departure::BehindTheEnd { said },
                };
                self.departing = false;
                self.note(departure);
            }
            _ => {}
        }
    }

    /// Says what the modem said in this turn, and awaits the next.
    fn answer(&mut self, now: Instant) {
        let mut due = self.saying.back().map_or(now, |(due, _)| (*due).max(now));
        for said in &self.transcript.turns()[self.turn].modem {
            due += said.after;
            self.saying.push_back((due, said.octets.clone()));
        }
        self.turn += 1;
        self.expire(now);
    }

    fn note(&mut self, departure: Departure) {
        if self.departures.len() < MOST_DEPARTURES {
            self.departures.push(departure);
        }
    }
}

const CTRL_Z: u8 = 0x1A;
const ESC: u8 = 0x1B;
/// No line of a transcript is as long.
const LONGEST_LINE: usize = 4096;
/// A host that has departed so often is playing something else.
const MOST_DEPARTURES: usize = 1000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CONVERSATION: &str = "\
        < \\r\\nRDY\\r\\n\n\
        > AT+CMGS=18\\r\n\
        @ +86\n\
        < \\r\\n>\\x20\n\
        > 00\\x1a\n\
        @ +1000\n\
        < \\r\\n+CMGS: 1\\r\\n\\r\\nOK\\r\\n\n";

    fn replay(now: Instant) -> Replay {
        Replay::new(now, Transcript::parse(CONVERSATION).unwrap())
    }

    fn said(replay: &mut Replay) -> String {
        let octets: Vec<u8> = std::iter::from_fn(|| replay.poll()).flatten().collect();
        String::from_utf8(octets).unwrap()
    }

    #[test]
    fn the_modem_says_what_it_said_and_when() {
        let start = Instant::now();
        let mut modem = replay(start);
        assert_eq!(said(&mut modem), "\r\nRDY\r\n");
        modem.take(start, b"AT+CM");
        modem.take(start, b"GS=18\r");
        assert_eq!(said(&mut modem), "");
        let prompt = start + Duration::from_millis(86);
        assert_eq!(modem.deadline(), Some(prompt));
        modem.expire(prompt);
        assert_eq!(said(&mut modem), "\r\n> ");
        modem.take(prompt, b"00\x1a");
        assert!(!modem.is_over());
        modem.expire(prompt + Duration::from_secs(1));
        assert_eq!(said(&mut modem), "\r\n+CMGS: 1\r\n\r\nOK\r\n");
        assert!(modem.is_over());
        assert_eq!(modem.departures(), []);
    }

    #[test]
    fn a_host_that_says_something_else_hears_nothing_and_may_still_say_the_recorded_line() {
        let start = Instant::now();
        let mut modem = replay(start);
        said(&mut modem);
        modem.take(start, b"AT+CMGF=0\rAT+CMGS=18\r");
        modem.expire(start + Duration::from_millis(86));
        assert_eq!(said(&mut modem), "\r\n> ");
        assert_eq!(
            modem.departures(),
            [Departure::Otherwise {
                line: 2,
                recorded: b"AT+CMGS=18\r".to_vec(),
                said: b"AT+CMGF=0\r".to_vec(),
            }]
        );
        let told = modem.departures()[0].to_string();
        let expected = r#"line 2: the host wrote "AT+CMGF=0\\r" in place of "AT+CMGS=18\\r""#;
        assert_eq!(told, expected);
    }

    #[test]
    fn a_pdu_before_its_prompt_and_words_behind_the_end_are_departures() {
        let start = Instant::now();
        let mut modem = replay(start);
        modem.take(start, b"AT+CMGS=18\r00\x1aAT\r");
        let said = b"AT\r".to_vec();
        assert_eq!(
            modem.departures(),
            [
                Departure::TooEarly { line: 5 },
                Departure::BehindTheEnd { said }
            ]
        );
    }
}
