//! The flight recorder: what was said between us and one modem since its port was opened, masked.
//!
//! It keeps the beginning of the conversation, so that a recording can be played again, and the last lines of it;
//! what lies between is left out. The marks are those of `hardware/transcripts`.

mod mask;

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{Duration, Instant};

pub(super) use mask::masked;
use mask::veiled;

/// The recording of one session.
#[derive(Debug)]
pub(super) struct Recorder {
    opening: Vec<Entry>,
    recent: VecDeque<Entry>,
    left_out: u64,
    begun: Instant,
    /// The network's answer to a USSD code goes on: its quotes are not closed yet.
    in_answer: bool,
    /// What the modem says, up to the end of its line.
    partial: Vec<u8>,
    partial_at: Instant,
}

#[derive(Debug)]
struct Entry {
    /// Milliseconds since the port was opened.
    at: u32,
    mark: char,
    text: Box<str>,
}

/// Enough for every question of the setup with all its forms.
const OPENING: usize = 400;
/// With the opening: the last 4,000 lines (architecture §5).
const RECENT: usize = 3_600;
/// What has no line end for so long is written down as it is.
const LONGEST_PARTIAL: usize = 4 * 1024;

impl Recorder {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            opening: Vec::new(),
            recent: VecDeque::new(),
            left_out: 0,
            in_answer: false,
            begun: now,
            partial: Vec::new(),
            partial_at: now,
        }
    }

    pub(super) fn wrote(&mut self, now: Instant, octets: &[u8]) {
        self.flush();
        // An answer that never ends must not hide what comes of this.
        self.in_answer = false;
        self.keep(now, '>', octets);
    }

    pub(super) fn heard(&mut self, now: Instant, octets: &[u8]) {
        for &octet in octets {
            if self.partial.is_empty() {
                self.partial_at = now;
            }
            self.partial.push(octet);
            // The line end before an answer belongs to it, as does the noise of a port that is opened.
            let is_blank = || {
                self.partial
                    .iter()
                    .all(|octet| matches!(octet, b'\r' | b'\n' | 0 | 0xFF))
            };
            let ends = octet == b'\n' && !is_blank();
            if ends || self.partial.len() >= LONGEST_PARTIAL {
                self.flush();
            }
        }
    }

    /// As a file, with `why` above it.
    pub(super) fn text(&mut self, why: &str) -> String {
        self.flush();
        let mut text = format!(
            "# recorded by cellpost, masked: numbers, texts, codes and PINs are not those that were said\n# {why}\n"
        );
        let mut before = 0;
        for entry in &self.opening {
            entry.write(&mut before, &mut text);
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "# {} lines are left out here", self.left_out);
        }
        for entry in &self.recent {
            entry.write(&mut before, &mut text);
        }
        text
    }

    fn flush(&mut self) {
        if !self.partial.is_empty() {
            let partial = std::mem::take(&mut self.partial);
            self.keep(self.partial_at, '<', &partial);
        }
    }

    /// A line of an answer that has several looks like any other.
    fn masked_line(&mut self, octets: &[u8]) -> String {
        let opens = octets.windows(6).any(|word| word == b"+CUSD:");
        let closes = octets.iter().filter(|octet| **octet == b'"').count() % 2 == 1;
        let was_in_answer = self.in_answer;
        self.in_answer = closes != was_in_answer && (opens || was_in_answer);
        match was_in_answer {
            true => veiled(octets),
            false => masked(octets),
        }
    }

    fn keep(&mut self, now: Instant, mark: char, octets: &[u8]) {
        let since = now.saturating_duration_since(self.begun);
        let text = match mark {
            '<' => self.masked_line(octets),
            _ => masked(octets),
        };
        let entry = Entry {
            at: u32::try_from(since.as_millis()).unwrap_or(u32::MAX),
            mark,
            text: text.into(),
        };
        if self.opening.len() < OPENING {
            return self.opening.push(entry);
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
            self.left_out += 1;
        }
        self.recent.push_back(entry);
    }
}

impl Entry {
    fn write(&self, before: &mut u32, text: &mut String) {
        let pause = Duration::from_millis(self.at.saturating_sub(*before).into());
        if !pause.is_zero() {
            let _ = writeln!(text, "@ +{}", pause.as_millis());
        }
        *before = self.at;
        let _ = writeln!(text, "{} {}", self.mark, self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_has_the_marks_of_a_transcript() {
        let now = Instant::now();
        let later = |ms| now + Duration::from_millis(ms);
        let mut recorder = Recorder::new(now);
        recorder.wrote(now, b"\x1b");
        recorder.wrote(later(100), b"AT\r");
        // In pieces, and with noise.
        recorder.heard(later(120), b"\xff\r\nO");
        recorder.heard(later(125), b"K\r\n");
        recorder.wrote(later(125), b"AT+CMGS=18\r");
        recorder.heard(later(145), b"\r\n> ");
        recorder.wrote(later(150), b"AT\r");
        assert_eq!(
            recorder.text("a test"),
            "# recorded by cellpost, masked: numbers, texts, codes and PINs are not those that were said\n\
             # a test\n\
             > \\x1B\n\
             @ +100\n\
             > AT\\r\n\
             @ +20\n\
             < \\xFF\\r\\nOK\\r\\n\n\
             @ +5\n\
             > AT+CMGS=18\\r\n\
             @ +20\n\
             < \\r\\n>\\x20\n\
             @ +5\n\
             > AT\\r\n"
        );
    }

    #[test]
    fn no_line_of_the_networks_answer_is_shown() {
        let now = Instant::now();
        let mut recorder = Recorder::new(now);
        recorder.heard(
            now,
            b"\r\n+CUSD: 1,\"Menu of Ann\r\n1 Konto 3.00\r\n2 Ende\",15\r\n\r\nOK\r\n",
        );
        recorder.heard(now, b"\r\n+CUSD: 0,\"Ann 3.00\",15\r\n\r\n+CSQ: 17,99\r\n");
        let text = recorder.text("a test");
        for shown in ["Ann", "Konto", "3.00", "Ende"] {
            assert!(!text.contains(shown), "{text}");
        }
        assert!(
            text.contains("OK") && text.contains("+CSQ: 17,99"),
            "{text}"
        );
    }

    #[test]
    fn a_long_conversation_keeps_its_beginning_and_its_end() {
        let now = Instant::now();
        let mut recorder = Recorder::new(now);
        for at in 0..10_000 {
            recorder.wrote(now, format!("AT+CMGS={at}\r").as_bytes());
        }
        let text = recorder.text("a test");
        assert_eq!(text.lines().count(), 2 + 400 + 1 + 3_600);
        assert!(
            text.contains("> AT+CMGS=399\\r\n# 6000 lines are left out here\n> AT+CMGS=6400\\r\n")
        );
        assert!(text.ends_with("> AT+CMGS=9999\\r\n"));
    }
}
