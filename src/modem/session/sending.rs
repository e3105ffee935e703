//! One part after the other: from the line to its outcome, and what the outcomes say of the modem.

use std::time::{Duration, Instant};

use super::{Activity, Departure, Session};
use crate::at::answer::Ailment;
use crate::at::chat;
use crate::at::command::Command;
use crate::domain::{Blame, Setback};
use crate::modem::Outcome;
use crate::modem::recovery::Rung;
use crate::modem::setup::{self, Step};
use crate::modem::submit::{End, Flight, Move, Then};
use crate::modem::wake::Wake;

/// Parts that follow one another without a pause.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    last: Instant,
    /// The link to the service centre is kept: it was asked for.
    is_linked: bool,
}

// 27.005 §3.5.6: the link is kept for 1 to 5 s after a part.
const LINK_LASTS: Duration = Duration::from_secs(5);

/// What went wrong several times in a row: one such answer is the network's business, three are the modem's.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    ailment: Option<Ailment>,
    count: u8,
}

const ENOUGH: u8 = 3;

impl Troubles {
    fn note(&mut self, ailment: Option<Ailment>) {
        self.count = match (ailment, self.ailment) {
            (None, _) => 0,
            (new, old) if new == old => self.count.saturating_add(1),
            _ => 1,
        };
        self.ailment = ailment;
    }

    fn is(&self, ailment: Ailment) -> bool {
        self.ailment == Some(ailment) && self.count >= ENOUGH
    }

    /// Why the modem needs a remedy, and which at least.
    pub(super) fn sick(&self) -> Option<(&'static str, Rung)> {
        if self.is(Ailment::Detached) {
            return Some((
                "three times +CMS ERROR: 41: it has lost the network without knowing",
                Rung::Radio,
            ));
        }
        if self.is(Ailment::Broken) {
            return Some(("three times an error of the modem itself", Rung::Reset));
        }
        if self.is(Ailment::NoResult) {
            return Some(("three parts without a result", Rung::Radio));
        }
        None
    }
}

impl Session {
    pub(super) fn take(&mut self, now: Instant, step: Move) {
        match step {
            Move::Stay => {}
            Move::Fly { hex } => {
                let patience = self.settings.send_timeout;
                self.chat.handle(now, chat::Input::Text { hex, patience });
            }
            Move::Answer(outcome) => {
                if let Activity::Sending(flight) = &self.activity {
                    let ticket = flight.ticket();
                    self.answer(ticket, outcome);
                }
            }
            Move::OpenAgain => {
                if let Activity::Sending(flight) =
                    std::mem::replace(&mut self.activity, Activity::Idle)
                {
                    self.fell_silent("it gave no prompt");
                    self.awaken(now, Wake::after_silence(now), Some(flight));
                }
            }
            Move::Over(outcome, then) => {
                if let Activity::Sending(flight) =
                    std::mem::replace(&mut self.activity, Activity::Idle)
                {
                    self.land(now, &flight, outcome, then);
                    self.after_flight(now, then);
                }
            }
        }
    }

    pub(super) fn launch(&mut self, now: Instant, flight: Flight) {
        let command = flight.command();
        self.sent_last = true;
        self.activity = Activity::Sending(flight);
        self.say(now, command);
    }

    pub(super) fn land(
        &mut self,
        now: Instant,
        flight: &Flight,
        outcome: Option<Outcome>,
        then: Then,
    ) {
        let Some(outcome) = outcome else {
            return;
        };
        self.note_burst(now);
        if !matches!(outcome, Outcome::NeverLeft(_)) || flight.ailment().is_some() {
            self.troubles.note(flight.ailment());
        }
        match &outcome {
            Outcome::Accepted { took, .. } => {
                // EWMA with weight 1/8.
                self.status.mean_send = self.status.mean_send * 7 / 8 + *took / 8;
            }
            // Without a result one may still come.
            Outcome::Uncertain(_) if then != Then::Next => {
                self.unsettled = flight.flown_at();
                self.ghost = true;
            }
            Outcome::Refused(setback) | Outcome::NeverLeft(setback) if then == Then::Next => {
                self.begin_again = remedy(setback).or(self.begin_again);
            }
            Outcome::Refused(_) | Outcome::NeverLeft(_) | Outcome::Uncertain(_) => {}
        }
        self.avoid_lte();
        self.answer(flight.ticket(), outcome);
    }

    /// LTE without messages: 3 failures in a row that nobody explains, and another radio technology is tried.
    fn avoid_lte(&mut self) {
        let is_lte = self.status.tech == Some("lte");
        let can = self.setup.profile().avoids_lte_with().is_some();
        if is_lte && can && self.troubles.is(Ailment::Unexplained) {
            self.troubles = Troubles::default();
            self.begin_again = Some(Step::AvoidLte);
        }
    }

    fn after_flight(&mut self, now: Instant, then: Then) {
        match then {
            Then::Next => self.proceed(now),
            Then::LeavePrompt => self.awaken(now, Wake::after_prompt(now), None),
            Then::Awaken => {
                self.fell_silent("it gave no result");
                self.awaken(now, Wake::after_silence(now), None);
            }
            Then::Depart => self.end(now, Departure::Silent),
        }
    }

    fn note_burst(&mut self, now: Instant) {
        let goes_on = |burst: &Burst| now.saturating_duration_since(burst.last) < LINK_LASTS;
        let is_linked = self
            .burst
            .is_some_and(|burst| burst.is_linked && goes_on(&burst));
        self.burst = Some(Burst {
            last: now,
            is_linked,
        });
    }

    /// Another part waits directly behind one: the link is worth being kept.
    pub(super) fn should_link(&self, now: Instant) -> bool {
        let in_burst = self
            .burst
            .is_some_and(|burst| burst.last == now && !burst.is_linked);
        in_burst && self.setup.keeps_link() && !self.waiting.is_empty()
    }

    pub(super) fn link(&mut self, now: Instant) {
        self.activity = Activity::Linking;
        self.say(now, Command::KEEP_LINK);
    }

    pub(super) fn on_linked(&mut self, now: Instant, answer: &setup::Answer) {
        match answer {
            Err(chat::Refusal::Silent) => {
                self.setup.loses_link();
                self.fell_silent("no answer to AT+CMMS");
                return self.awaken(now, Wake::after_silence(now), None);
            }
            // Huawei E1752 advertises it and answers +CMS ERROR: 500; everything else works.
            Err(chat::Refusal::Answered(_)) => self.setup.loses_link(),
            Ok(_) => {
                self.burst = Some(Burst {
                    last: now,
                    is_linked: true,
                })
            }
        }
        self.proceed(now);
    }

    pub(super) fn end_flight(&mut self, now: Instant, flight: &Flight, end: End) {
        if end == End::Stopped && flight.flown_at().is_none() {
            self.chat.handle(now, chat::Input::Escape);
        }
        if let Some(outcome) = flight.on_end(now, self.chat.information(), end) {
            self.land(now, flight, Some(outcome), Then::Depart);
        }
    }
}

/// Where to begin again after an answer that says something of the modem.
fn remedy(setback: &Setback) -> Option<Step> {
    match setback.code {
        "sim_missing" | "sim_locked" => Some(Step::SIM),
        "no_network" => Some(Step::NETWORK),
        _ if setback.blame == Blame::Modem => Some(Step::MESSAGES),
        _ => None,
    }
}
