//! **Reading**: what the host writes, taken as command lines, as a PDU behind the prompt, or not at all.
//!
//! Which of them it is, the phase says. While a prompt, a slow command or the network's answer is awaited nothing
//! is read: what the host writes ahead waits in its order.

use super::{Answer, Failure, LONGEST_LINE, Modem, Phase};
use crate::moment::Moment;
use crate::syntax::{Command, Form, commands};

impl Modem {
    pub(super) fn read(&mut self, now: Moment) {
        while self.is_plugged() && self.silence.is_none() && !self.input.is_empty() {
            match &self.phase {
                Phase::Prompting { due: Some(_), .. }
                | Phase::InFlight { .. }
                | Phase::Working { .. } => break,
                Phase::Command => self.read_command(now),
                Phase::Prompting { due: None, .. } => self.read_without_prompt(now),
                Phase::Entry(_) => self.read_entry(now),
            }
        }
        self.speak_unasked(now);
    }

    fn read_command(&mut self, now: Moment) {
        let mut echo = Vec::new();
        while let Some(octet) = self.input.pop_front() {
            echo.push(octet);
            match octet {
                b'\r' => break,
                // ESC leaves whatever was begun, as it leaves the prompt.
                ESC => self.line.clear(),
                b'\n' => {}
                0x08 => drop(self.line.pop()),
                // One octet over tells a line that is too long from one that just fits.
                _ if self.line.len() <= LONGEST_LINE => self.line.push(octet),
                _ => {}
            }
        }
        if self.setup.echo {
            echo.retain(|octet| *octet != ESC);
            self.say(now, echo.clone());
        }
        if echo.last() == Some(&b'\r') {
            let line = std::mem::take(&mut self.line);
            self.obey(now, line);
        }
    }

    fn obey(&mut self, now: Moment, line: Vec<u8>) {
        let text = String::from_utf8_lossy(&line);
        let Some(commands) = commands(&text) else {
            return;
        };
        self.counts.at_lines += 1;
        if line.len() > LONGEST_LINE {
            return self.finish(now, Answer::Failed(Failure::Unknown));
        }
        let names: Vec<&str> = commands.iter().map(Command::name).collect();
        let slow = self.slowness(&names);
        match slow.and_then(|slow| now.instant.checked_add(slow)) {
            Some(due) => self.phase = Phase::Working { due, line },
            None => self.perform(now, &commands),
        }
    }

    pub(super) fn finish_work(&mut self, now: Moment) {
        if let Phase::Working { line, .. } = std::mem::replace(&mut self.phase, Phase::Command) {
            let text = String::from_utf8_lossy(&line);
            self.perform(now, &commands(&text).unwrap_or_default());
        }
    }

    fn perform(&mut self, now: Moment, commands: &[Command<'_>]) {
        self.holds_back = self.script.holds_next_answer_back();
        if !self.holds_back {
            let before = std::mem::take(&mut self.held_back);
            self.say(now, before);
        }
        if let Some(text) = self.script.next_urc_before_answer() {
            self.say_unasked(now, &text);
        }
        self.perform_each(now, commands);
        self.holds_back = false;
    }

    fn perform_each(&mut self, now: Moment, commands: &[Command<'_>]) {
        let mut last = Answer::Ok;
        for command in commands {
            if let Some(written) = submit_written(command) {
                return self.open_prompt(now, written);
            }
            self.interject(now, command.name());
            self.ends_flood(now, command.name());
            match self.answer_to(now, command) {
                Answer::Ok => last = Answer::Ok,
                Answer::Lines(lines) => {
                    self.say_lines(now, &lines);
                    last = Answer::Ok;
                }
                failed @ Answer::Failed(_) => return self.finish(now, failed),
                other => last = other,
            }
        }
        self.finish(now, last);
    }

    /// Lines that this make says in the middle of certain answers.
    fn interject(&mut self, now: Moment, name: &str) {
        if !self.is_chatty {
            return;
        }
        for index in 0..self.interjected.len() {
            let interjection = &self.traits.interjections[index];
            if interjection.command != name {
                continue;
            }
            let texts = interjection.texts.clone();
            let speaks = self.interjected[index].is_multiple_of(interjection.every.max(1));
            self.interjected[index] = self.interjected[index].wrapping_add(1);
            if speaks {
                texts.iter().for_each(|text| self.say_unasked(now, text));
            }
        }
    }

    fn read_without_prompt(&mut self, now: Moment) {
        if self.input.pop_front() == Some(ESC) {
            self.abort(now);
        }
    }

    fn read_entry(&mut self, now: Moment) {
        let Phase::Entry(entry) = &mut self.phase else {
            return;
        };
        let mut echo = Vec::new();
        let mut line_ended = false;
        while !line_ended && let Some(octet) = self.input.pop_front() {
            echo.push(octet);
            match octet {
                CTRL_Z | ESC => break,
                _ => line_ended = entry.type_in(octet),
            }
        }
        let last = echo.last().copied();
        if self.setup.echo || self.traits.speech.echoes_pdu {
            self.say(now, echo);
        }
        match last {
            Some(CTRL_Z) => self.submit(now),
            Some(ESC) => self.abort(now),
            _ if line_ended => self.say_prompt(now),
            _ => {}
        }
    }
}

/// The length or number of a `+CMGS=`, which is no command like the others.
fn submit_written<'a>(command: &Command<'a>) -> Option<&'a str> {
    match command {
        Command::Extended {
            name,
            form: Form::Write(written),
        } if name == "+CMGS" => Some(written),
        _ => None,
    }
}

const CTRL_Z: u8 = 0x1A;
const ESC: u8 = 0x1B;
