//! **Reading**: what the host writes, taken as command lines, as a PDU behind the prompt, or not at all.
//!
//! Which of them it is, the phase says. While a prompt or the network's answer is awaited nothing is read:
//! what the host writes ahead waits in its order.

use std::time::Duration;

use super::{Answer, Failure, LONGEST_LINE, Modem, Output, Phase};
use crate::moment::Moment;
use crate::script::PromptFate;
use crate::submission::{Entry, Submission};
use crate::syntax::{Command, Form, commands};

impl Modem {
    pub(super) fn read(&mut self, now: Moment) {
        while self.is_plugged() && !self.input.is_empty() {
            match &self.phase {
                Phase::Prompting { due: Some(_), .. } | Phase::InFlight { .. } => break,
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
            self.obey(now, &line);
        }
    }

    fn obey(&mut self, now: Moment, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let Some(commands) = commands(&text) else {
            return;
        };
        self.counts.at_lines += 1;
        if line.len() > LONGEST_LINE {
            return self.finish(now, Answer::Failed(Failure::Unknown));
        }
        for command in &commands {
            if let Some(length) = submit_length(command) {
                return self.open_prompt(now, length);
            }
            match self.answer_to(command) {
                Answer::Ok => {}
                Answer::Lines(lines) => self.say_lines(now, &lines),
                failed @ Answer::Failed(_) => return self.finish(now, failed),
            }
        }
        self.finish(now, Answer::Ok);
    }

    fn open_prompt(&mut self, now: Moment, length: &str) {
        self.counts.cmgs += 1;
        if self.setup.text_mode {
            return self.finish(now, Answer::Failed(Failure::Unknown));
        }
        // 23.040 §9.2.2.2: from no digits and no text at all to 12 octets of address, validity and 140 of text.
        let Some(length) = length.trim().parse().ok().filter(|n| (7..=164).contains(n)) else {
            return self.finish(now, Answer::Failed(Failure::Cms(304)));
        };
        let due = match self.script.next_prompt() {
            PromptFate::Never => None,
            PromptFate::Comes { late_ms } => {
                let late = self
                    .prompt_latency
                    .saturating_add(Duration::from_millis(late_ms));
                now.instant.checked_add(late)
            }
        };
        self.phase = Phase::Prompting {
            due,
            entry: Entry::new(length, now.mono_ns),
        };
        if due.is_some_and(|due| due <= now.instant) {
            self.prompt(now);
        }
    }

    pub(super) fn prompt(&mut self, now: Moment) {
        let phase = std::mem::replace(&mut self.phase, Phase::Command);
        self.phase = match phase {
            Phase::Prompting { mut entry, .. } => {
                entry.prompt_ns = now.mono_ns;
                self.say(now, b"\r\n> ".to_vec());
                Phase::Entry(entry)
            }
            other => other,
        };
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
        while let Some(octet) = self.input.pop_front() {
            echo.push(octet);
            match octet {
                CTRL_Z | ESC => break,
                _ => entry.type_in(octet),
            }
        }
        let last = echo.last().copied();
        if self.setup.echo {
            self.say(now, echo);
        }
        match last {
            Some(CTRL_Z) => self.submit(now),
            Some(ESC) => self.abort(now),
            _ => {}
        }
    }

    fn abort(&mut self, now: Moment) {
        self.counts.aborted += 1;
        self.phase = Phase::Command;
        self.finish(now, Answer::Ok);
    }

    fn submit(&mut self, now: Moment) {
        let Phase::Entry(entry) = std::mem::replace(&mut self.phase, Phase::Command) else {
            return;
        };
        let submission = match self.checked(now, &entry) {
            Ok(submission) => submission,
            Err(code) => {
                self.counts.refused += 1;
                return self.finish(now, Answer::Failed(Failure::Cms(code)));
            }
        };
        self.reference = self.reference.wrapping_add(1);
        self.sends += 1;
        let send = self.sends;
        self.phase = Phase::InFlight {
            send,
            reference: submission.reference,
        };
        self.outbox.push_back(Output::Submit {
            send,
            submission: Box::new(submission),
            fate: self.script.next_send(),
        });
    }

    /// What the modem itself refuses, before the network hears of it.
    fn checked(&self, now: Moment, entry: &Entry) -> Result<Submission, u16> {
        let submission = entry.read(self.reference, now.mono_ns).ok_or(304u16)?;
        if self.service_centre.is_empty() && !submission.names_service_centre {
            return Err(330);
        }
        if !self.is_registered() {
            return Err(331);
        }
        Ok(submission)
    }
}

/// The length of a `+CMGS=<length>`, which is no command like the others.
fn submit_length<'a>(command: &Command<'a>) -> Option<&'a str> {
    match command {
        Command::Extended {
            name,
            form: Form::Write(length),
        } if name == "+CMGS" => Some(length),
        _ => None,
    }
}

const CTRL_Z: u8 = 0x1A;
const ESC: u8 = 0x1B;
