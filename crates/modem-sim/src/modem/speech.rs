//! **Speech**: what a modem says, in which words, between which line ends, and when it may.

use std::time::Duration;

use super::{Answer, Failure, MOST_UNASKED, Modem, Output, Phase};
use crate::moment::Moment;
use crate::personality::LineEnds;

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
            self.say_unasked(now, &line);
        }
    }

    /// At once, wherever that is.
    pub(super) fn say_unasked(&mut self, now: Moment, line: &str) {
        let octets = self.framed(line);
        self.say(now, octets.into_bytes());
    }

    pub(super) fn finish(&mut self, now: Moment, answer: Answer) {
        match answer {
            Answer::Ok => self.say_result(now, "OK"),
            Answer::Lines(lines) => {
                self.say_lines(now, &lines);
                self.say_result(now, "OK");
            }
            Answer::OkAndThen(line) => {
                self.say_result(now, "OK");
                self.say_unasked(now, &line);
            }
            Answer::Unfinished(lines) => self.say_lines(now, &lines),
            Answer::Failed(failure) => {
                let words = self.worded(failure);
                self.say_result(now, &words);
            }
        }
    }

    fn say_result(&mut self, now: Moment, result: &str) {
        let deaf_for = Duration::from_millis(self.traits.speech.deaf_ms);
        self.deaf_until = now.instant.checked_add(deaf_for);
        let octets = match (self.setup.verbose, result) {
            (true, _) if self.traits.speech.line_ends == LineEnds::BlankLines => {
                format!("{}\r\n", self.framed(result))
            }
            (true, _) => self.framed(result),
            (false, "OK") => "0\r".to_owned(),
            (false, "ERROR") => "4\r".to_owned(),
            (false, _) => format!("{result}\r\n"),
        };
        self.say_answer(now, octets);
    }

    pub(super) fn say_lines(&mut self, now: Moment, lines: &str) {
        let octets = match self.setup.verbose {
            true => self.framed(lines),
            false => format!("{lines}\r\n"),
        };
        self.say_answer(now, octets);
    }

    fn say_answer(&mut self, now: Moment, octets: String) {
        match self.holds_back && self.held_back.len() < MOST_HELD_BACK {
            true => self.held_back.extend(octets.into_bytes()),
            false => self.say(now, octets.into_bytes()),
        }
    }

    fn framed(&self, line: &str) -> String {
        match self.traits.speech.line_ends {
            LineEnds::Standard | LineEnds::BlankLines => format!("\r\n{line}\r\n"),
            LineEnds::Doubled => format!("\r\r\n{line}\r\r\n"),
        }
    }

    fn worded(&self, failure: Failure) -> String {
        let speech = &self.traits.speech;
        let (family, code) = match failure {
            Failure::Unknown => return speech.unknown.clone(),
            Failure::TooMany => return speech.too_many.clone(),
            Failure::Plain => return "ERROR".to_owned(),
            Failure::Cme(code) => ("+CME ERROR", code),
            Failure::Cms(code) => ("+CMS ERROR", code),
        };
        let level = if speech.always_words {
            2
        } else {
            self.setup.cmee
        };
        match (level, in_words(failure)) {
            (0, _) => "ERROR".to_owned(),
            (2, Some(words)) if speech.capitals => {
                let (first, rest) = words.split_at(1);
                format!("{family}: {}{rest}", first.to_uppercase())
            }
            (2, Some(words)) => format!("{family}: {words}"),
            _ => format!("{family}: {code}"),
        }
    }

    /// Everything a modem says goes through here.
    pub(super) fn say(&mut self, now: Moment, octets: Vec<u8>) {
        if octets.is_empty() || !self.is_plugged() || self.silence.is_some() {
            return;
        }
        self.mouth.say(now, octets, &mut self.chance);
        self.speak_due(now);
    }

    /// What the mouth lets go now.
    pub(super) fn speak_due(&mut self, now: Moment) {
        while let Some(octets) = self.mouth.take_due(now) {
            // What is said in one breath leaves in one write, as from a modem's own buffer.
            match self.outbox.back_mut() {
                Some(Output::Write(before)) if self.mouth.is_whole() => before.extend(octets),
                _ => self.outbox.push_back(Output::Write(octets)),
            }
        }
    }
}

/// The words of 27.005 §3.2.5 and 27.007 §9.2 for what a modem or its network says here.
fn in_words(failure: Failure) -> Option<&'static str> {
    Some(match failure {
        Failure::Cme(3) => "operation not allowed",
        Failure::Cme(10) | Failure::Cms(310) => "SIM not inserted",
        Failure::Cme(11) | Failure::Cms(311) => "SIM PIN required",
        Failure::Cme(12) | Failure::Cms(312) => "SIM PUK required",
        Failure::Cme(13) | Failure::Cms(313) => "SIM failure",
        Failure::Cme(14) | Failure::Cms(314) => "SIM busy",
        Failure::Cme(16) => "incorrect password",
        Failure::Cme(30) => "no network service",
        Failure::Cms(8) => "operator determined barring",
        Failure::Cms(21) => "short message transfer rejected",
        Failure::Cms(38) => "network out of order",
        Failure::Cms(41) => "temporary failure",
        Failure::Cms(42) => "congestion",
        Failure::Cms(50) => "requested facility not subscribed",
        Failure::Cms(302) => "operation not allowed",
        Failure::Cms(303) => "operation not supported",
        Failure::Cms(304) => "invalid PDU mode parameter",
        Failure::Cms(305) => "invalid text mode parameter",
        Failure::Cms(321) => "invalid memory index",
        Failure::Cms(330) => "SMSC address unknown",
        Failure::Cms(331) => "no network service",
        Failure::Cms(332) => "network timeout",
        Failure::Cms(340) => "no +CNMA acknowledgement expected",
        Failure::Cms(500) => "unknown error",
        _ => return None,
    })
}

/// Answers that a host has long stopped waiting for.
const MOST_HELD_BACK: usize = 64 * 1024;
