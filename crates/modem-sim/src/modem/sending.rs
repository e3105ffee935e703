//! **Sending**: from `AT+CMGS` through the prompt to the network, and its answer.

use std::time::Duration;

use super::{Answer, Failure, Modem, Output, Phase, Verdict};
use crate::fate::{PromptFate, Wording};
use crate::moment::Moment;
use crate::personality::{Escape, Prompt, Technology};
use crate::script::Mishap;
use crate::submission::{Entry, Submission};

impl Modem {
    /// `written` is the length of a PDU, or whom a text is for.
    pub(super) fn open_prompt(&mut self, now: Moment, written: &str) {
        self.counts.cmgs += 1;
        if let Some(hindrance) = self.hindrance(now, "+CMGS") {
            return self.finish(now, Answer::Failed(hindrance));
        }
        let entry = match self.setup.text_mode {
            true => self
                .addressed(written)
                .map(|to| Entry::of_text(to, now.mono_ns))
                .ok_or(305),
            false => length(written)
                .map(|length| Entry::new(length, now.mono_ns))
                .ok_or(304),
        };
        let entry = match entry {
            Ok(entry) => entry,
            Err(code) => return self.finish(now, Answer::Failed(Failure::Cms(code))),
        };
        let due = match self.script.next_prompt(&mut self.chance) {
            PromptFate::Never => None,
            PromptFate::Comes { late, drawn } => {
                let usual = drawn.unwrap_or(self.prompt_latency);
                now.instant.checked_add(usual.saturating_add(late))
            }
        };
        self.phase = Phase::Prompting { due, entry };
        if due.is_some_and(|due| due <= now.instant) {
            self.prompt(now);
        }
    }

    pub(super) fn prompt(&mut self, now: Moment) {
        let phase = std::mem::replace(&mut self.phase, Phase::Command);
        self.phase = match phase {
            Phase::Prompting { mut entry, .. } => {
                entry.prompt_ns = now.mono_ns;
                self.say_prompt(now);
                Phase::Entry(entry)
            }
            other => other,
        };
    }

    pub(super) fn say_prompt(&mut self, now: Moment) {
        let prompt: &[u8] = match self.traits.speech.prompt {
            Prompt::Standard => b"\r\n> ",
            Prompt::Bare => b"\r\n>\r\n",
        };
        self.say(now, prompt.to_vec());
    }

    pub(super) fn abort(&mut self, now: Moment) {
        self.counts.aborted += 1;
        self.phase = Phase::Command;
        match self.traits.speech.escape {
            Escape::Ok => self.finish(now, Answer::Ok),
            // Siemens and Wavecom: "user abort".
            Escape::Refused => self.finish(now, Answer::Failed(Failure::Cms(512))),
            Escape::Nothing => {}
        }
    }

    pub(super) fn submit(&mut self, now: Moment) {
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
        let mishap = self.script.next_mishap();
        if let Some(Mishap::Undervoltage {
            for_ms,
            accepted: false,
        }) = mishap
        {
            return self.supply_fails(now, for_ms);
        }
        self.hand_to_network(submission);
        match mishap {
            Some(Mishap::Undervoltage { for_ms, .. }) => self.supply_fails(now, for_ms),
            Some(Mishap::Silence { for_ms }) => self.be_silent(now, for_ms),
            Some(Mishap::Vanish { for_ms }) => self.outbox.push_back(Output::Vanish { for_ms }),
            Some(Mishap::Ring { number }) => self.ring(now, &number),
            None => {}
        }
    }

    fn hand_to_network(&mut self, submission: Submission) {
        self.reference = self.reference.wrapping_add(1);
        self.sends += 1;
        let refuses = self.traits.radio.lte_refuses;
        let refuses = refuses.filter(|_| self.technology() == Technology::Lte);
        let fate = self.script.next_send(&mut self.chance, refuses);
        let send = self.sends;
        self.phase = Phase::InFlight {
            send,
            reference: submission.reference,
            wording: fate.wording,
        };
        self.outbox.push_back(Output::Submit {
            send,
            submission: Box::new(submission),
            fate,
        });
    }

    /// What the modem itself refuses, before the network hears of it.
    fn checked(&self, now: Moment, entry: &Entry) -> Result<Submission, u16> {
        let read = entry.read(self.reference, now.mono_ns);
        let submission = read.ok_or(entry.objection())?;
        if self.service_centre.is_empty() && !submission.names_service_centre {
            return Err(330);
        }
        if !self.is_registered(now) {
            return Err(331);
        }
        Ok(submission)
    }

    /// An incoming call, which is told beside the text in flight.
    fn ring(&mut self, now: Moment, number: &str) {
        self.announce(now, "RING".into());
        if self.setup.clip == 1 {
            self.announce(now, format!("+CLIP: \"{number}\",145,,,,0"));
        }
    }

    /// The network's word about a submission. Whether the host has been told.
    pub(crate) fn answer(&mut self, now: Moment, send: u64, verdict: Verdict) -> bool {
        let (reference, wording) = match self.phase {
            Phase::InFlight {
                send: pending,
                reference,
                wording,
            } if pending == send => (reference, wording),
            _ => return false,
        };
        self.phase = Phase::Command;
        if self.silence.is_some() {
            return false;
        }
        match (verdict, wording) {
            (Verdict::Accepted, Wording::WithoutReference) => self.finish(now, Answer::Ok),
            (Verdict::Accepted, wording) => {
                let told = format!("+CMGS: {reference}");
                let answer = match wording {
                    Wording::WithoutOk => Answer::Unfinished(told),
                    _ => Answer::Lines(told),
                };
                self.finish(now, answer);
            }
            (Verdict::Refused { code }, _) => {
                self.counts.refused += 1;
                self.finish(now, Answer::Failed(Failure::Cms(code)));
            }
            (Verdict::Untold, _) => {}
        }
        self.count_send_for_registration(now);
        verdict != Verdict::Untold
    }

    /// How long a line with these commands keeps the modem busy.
    pub(super) fn slowness(&self, names: &[&str]) -> Option<Duration> {
        let slow = self.traits.speech.slow.iter();
        let hits = slow.filter(|slow| slow.names.iter().any(|name| names.contains(&name.as_str())));
        hits.map(|slow| Duration::from_millis(slow.ms)).max()
    }
}

/// 23.040 §9.2.2.2: from no digits and no text at all to 12 octets of address, validity and 140 of text.
fn length(written: &str) -> Option<usize> {
    let length = written.trim().parse().ok();
    length.filter(|length| (7..=164).contains(length))
}
