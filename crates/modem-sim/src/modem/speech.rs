//! **Speech**: what the modem says, in which words, and when it may.

use std::time::Duration;

use super::{Answer, Failure, MOST_UNASKED, Modem, Output, Phase};
use crate::moment::Moment;

impl Modem {
    pub(super) fn announce(&mut self, now: Moment, line: String) {
        if self.unasked.len() == MOST_UNASKED {
            self.unasked.pop_front();
        }
        self.unasked.push_back(line);
        self.speak_unasked(now);
    }

    /// Unsolicited lines keep out of the prompt and of a half echoed line; beside a text in flight they may come.
    pub(super) fn may_speak(&self) -> bool {
        let in_prompt = matches!(self.phase, Phase::Prompting { .. } | Phase::Entry(_));
        let in_echo = self.setup.echo && !self.line.is_empty();
        !in_prompt && !in_echo && self.silence.is_none()
    }

    pub(super) fn speak_unasked(&mut self, now: Moment) {
        if !self.may_speak() {
            return;
        }
        while let Some(line) = self.unasked.pop_front() {
            self.say(now, format!("\r\n{line}\r\n").into_bytes());
        }
    }

    pub(super) fn finish(&mut self, now: Moment, answer: Answer) {
        let result = match answer {
            Answer::Ok => "OK".to_owned(),
            Answer::Lines(lines) => {
                self.say_lines(now, &lines);
                "OK".to_owned()
            }
            Answer::Failed(failure) => self.worded(failure),
        };
        let octets = match (self.setup.verbose, result.as_str()) {
            (true, _) => format!("\r\n{result}\r\n"),
            (false, "OK") => "0\r".to_owned(),
            (false, "ERROR") => "4\r".to_owned(),
            (false, _) => format!("{result}\r\n"),
        };
        self.say(now, octets.into_bytes());
    }

    fn worded(&self, failure: Failure) -> String {
        let (family, code) = match failure {
            Failure::Unknown => return "ERROR".to_owned(),
            Failure::Cme(code) => ("+CME ERROR", code),
            Failure::Cms(code) => ("+CMS ERROR", code),
        };
        match (self.setup.cmee, in_words(failure)) {
            (0, _) => "ERROR".to_owned(),
            (2, Some(words)) => format!("{family}: {words}"),
            _ => format!("{family}: {code}"),
        }
    }

    pub(super) fn say_lines(&mut self, now: Moment, lines: &str) {
        let octets = match self.setup.verbose {
            true => format!("\r\n{lines}\r\n"),
            false => format!("{lines}\r\n"),
        };
        self.say(now, octets.into_bytes());
    }

    /// Everything a modem says goes through here.
    pub(super) fn say(&mut self, now: Moment, octets: Vec<u8>) {
        if octets.is_empty() || !self.is_plugged() || self.silence.is_some() {
            return;
        }
        let size = self.script.fragments.unwrap_or(octets.len());
        if size >= octets.len() && self.pieces.is_empty() {
            return self.write(octets);
        }
        let mut due = match self.pieces.back() {
            Some((last, _)) => *last + BETWEEN_PIECES,
            None => now.instant,
        };
        for piece in octets.chunks(size) {
            if self.pieces.len() == MOST_PIECES {
                self.pieces.pop_front();
            }
            match due <= now.instant {
                true => self.write(piece.to_vec()),
                false => self.pieces.push_back((due, piece.to_vec())),
            }
            due += BETWEEN_PIECES;
        }
    }

    /// What is said in one breath leaves in one write, as from a modem's own buffer.
    fn write(&mut self, octets: Vec<u8>) {
        match self.outbox.back_mut() {
            Some(Output::Write(before)) if self.script.fragments.is_none() => before.extend(octets),
            _ => self.outbox.push_back(Output::Write(octets)),
        }
    }
}

/// The words of 27.005 §3.2.5 and 27.007 §9.2 for what a generic modem says itself.
fn in_words(failure: Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::Cme(3) => "operation not allowed",
        Failure::Cms(302) => "operation not allowed",
        Failure::Cms(303) => "operation not supported",
        Failure::Cms(304) => "invalid PDU mode parameter",
        Failure::Cms(321) => "invalid memory index",
        Failure::Cms(330) => "SMSC address unknown",
        Failure::Cms(331) => "no network service",
        Failure::Cms(332) => "network timeout",
        Failure::Cms(340) => "no +CNMA acknowledgement expected",
        Failure::Cms(500) => "unknown error",
        _ => return None,
    })
}

/// Fragmented output that is not yet due; the oldest piece is lost.
const MOST_PIECES: usize = 64 * 1024;
const BETWEEN_PIECES: Duration = Duration::from_millis(1);
