//! **Boot**: power-up, reset and what a modem says while it comes up; and what it says by itself afterwards.

use std::time::Duration;

use super::{Answer, Later, Modem, Output, Phase, Power, Setup, Silence};
use crate::moment::Moment;
use crate::personality::BootLine;

impl Modem {
    /// The simulation begins; the modem has been on for a while.
    pub(crate) fn begin(&mut self, now: Moment) {
        self.begin_chatter(now);
    }

    pub(crate) fn unplug(&mut self, now: Moment) {
        self.restart(now);
        self.power = Power::Unplugged;
        self.timeline.extract(|what| what.ends_with_power());
        self.input.clear();
        self.mouth.forget();
    }

    pub(crate) fn plug(&mut self, now: Moment) {
        self.power = Power::Plugged;
        self.come_up(now, None);
    }

    /// What power-up and `AT+CFUN=1,1` leave: the SIM's contents, and nothing the host has set.
    pub(super) fn restart(&mut self, now: Moment) {
        self.setup = Setup::of(&self.traits);
        if let Some(waiting) = self.unacknowledged.take() {
            self.outbox.push_back(Output::GiveBack(waiting.parcel));
        }
        self.phase = Phase::Command;
        self.unasked.clear();
        self.line.clear();
        self.held_back.clear();
        self.sms_ready_at = None;
        self.is_chatty = true;
        self.traits.ussd.refused = self.born.ussd.refused;
        self.flood.clone_from(&self.traits.boot.flood);
        self.radio.technology = None;
        self.card.restart();
        self.script.modem_was_reset();
        self.timeline.extract(|what| what.ends_with_power());
        self.forget_told_registration(now);
    }

    /// Says what the personality says when it comes up, or these lines.
    pub(super) fn come_up(&mut self, now: Moment, lines: Option<&[String]>) {
        let boot = self.traits.boot.clone();
        match lines {
            Some(lines) => lines
                .iter()
                .for_each(|line| self.announce(now, line.clone())),
            None => {
                for BootLine { after_ms, text } in boot.lines {
                    self.later(now, after_ms, Later::Unasked(text));
                }
            }
        }
        self.texts_wait(now, boot.sms_ready_ms);
        self.card.be_busy(now, boot.busy, boot.busy_ms);
        self.begin_chatter(now);
    }

    /// `AT+CFUN=1,1`, or a command of the maker's.
    pub(super) fn reset(&mut self, now: Moment) -> Answer {
        let for_ms = self.traits.boot.reset_gone_ms;
        if for_ms > 0 {
            // The OK still gets through.
            self.later(now, BEFORE_GOING_MS, Later::Vanish { for_ms });
            return Answer::Ok;
        }
        self.restart(now);
        self.come_up(now, None);
        Answer::Ok
    }

    pub(super) fn texts_wait(&mut self, now: Moment, for_ms: u64) {
        if for_ms > 0 {
            self.sms_ready_at = now.instant.checked_add(Duration::from_millis(for_ms));
            self.later(now, for_ms, Later::SmsReady);
        }
    }

    pub(super) fn texts_are_ready(&mut self, now: Moment) {
        self.sms_ready_at = None;
        let lines = self.traits.boot.sms_ready.clone();
        lines.into_iter().for_each(|line| self.announce(now, line));
    }

    /// The supply fails in the middle of a burst: the SIM800's own words and spelling.
    pub(super) fn supply_fails(&mut self, now: Moment, for_ms: u64) {
        self.say_unasked(now, "UNDER-VOLTAGE WARNNING");
        self.say_unasked(now, "UNDER-VOLTAGE POWER DOWN");
        self.restart(now);
        self.silence = Some(Silence { until: None });
        self.input.clear();
        self.later(now, for_ms, Later::PowerReturns);
    }

    pub(super) fn power_returns(&mut self, now: Moment) {
        self.silence = None;
        self.say(now, vec![0xFF, 0x00]);
        self.come_up(now, None);
    }

    pub(super) fn reboot_again(&mut self, now: Moment, every_ms: u64, gone_ms: u64) {
        match gone_ms {
            0 => {
                self.restart(now);
                self.come_up(now, None);
            }
            for_ms => self.outbox.push_back(Output::Vanish { for_ms }),
        }
        self.later(now, every_ms, Later::Reboot { every_ms, gone_ms });
    }

    pub(super) fn begin_chatter(&mut self, now: Moment) {
        if self.is_chatty {
            for index in 0..self.traits.chatter.len() {
                let every_ms = self.traits.chatter[index].every_ms;
                self.later(now, every_ms, Later::Chatter(index));
            }
        }
        if let Some(flood) = &self.flood {
            let every_ms = flood.every_ms;
            self.later(now, every_ms, Later::Flood);
        }
    }

    pub(super) fn be_chatty(&mut self, now: Moment, chatty: bool) {
        self.is_chatty = chatty;
        self.timeline
            .extract(|what| matches!(what, Later::Chatter(_) | Later::Flood));
        self.begin_chatter(now);
    }

    pub(super) fn chatter(&mut self, now: Moment, index: usize) {
        let Some(chatter) = self.traits.chatter.get(index).cloned() else {
            return;
        };
        self.announce(now, chatter.text);
        self.later(now, chatter.every_ms, Later::Chatter(index));
    }

    pub(super) fn flood(&mut self, now: Moment) {
        if let Some(flood) = self.flood.clone() {
            self.announce(now, flood.text);
            self.later(now, flood.every_ms.max(1), Later::Flood);
        }
    }

    /// Another program types on the same port, and this host hears the answer.
    pub(super) fn foreign_host(&mut self, now: Moment, text: String, every_ms: u64, left: u32) {
        self.take(now, format!("{text}\r").as_bytes());
        if left > 1 {
            let left = left - 1;
            let again = Later::ForeignHost {
                text,
                every_ms,
                left,
            };
            self.later(now, every_ms, again);
        }
    }
}

impl Later {
    /// Whether it is the modem's own doing, which a restart ends; the others are orders.
    fn ends_with_power(&self) -> bool {
        match self {
            Self::Unasked(_)
            | Self::SmsReady
            | Self::PowerReturns
            | Self::Chatter(_)
            | Self::Flood
            | Self::Vanish { .. }
            | Self::RegistrationChanges
            | Self::UssdFails => true,
            Self::CardRecovers | Self::ForeignHost { .. } | Self::Reboot { .. } => false,
        }
    }
}

/// Between the OK of a reset and the port's going.
const BEFORE_GOING_MS: u64 = 100;
