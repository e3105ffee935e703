//! What people ask of this modem, and calls that come in: lines of theirs, between all others.

use std::time::Instant;

use super::{Activity, Session};
use crate::at::chat::Refusal;
use crate::domain::ModemState;
use crate::modem::ModemEvent;
use crate::modem::question::{Question, Unanswered};
use crate::modem::receive::Urgency;
use crate::modem::setup::{self, Step};
use crate::modem::submit::never_left;
use crate::modem::ussd::{After, Asker};
use crate::modem::wake::Wake;

const HELD_UP: &str = "a person asks this modem something that takes long";

impl Session {
    pub(super) fn asked(&mut self, now: Instant, asker: Asker, question: Question) {
        let is_ready = self.status.state == ModemState::Ready;
        let can_wait = matches!(question, Question::Line(_));
        self.inquiries.ask(now, asker, question);
        if matches!(self.activity, Activity::Over) {
            return self.end_questions("the modem is away");
        }
        if !is_ready && !can_wait {
            return self.refuse_questions();
        }
        match self.activity {
            Activity::Idle => self.proceed(now),
            // A modem that waits for its SIM or its network has time.
            Activity::Pausing { until, step } => {
                self.inquire_from(now, Some((until, step)));
            }
            _ => {}
        }
    }

    /// Says the next line of those who ask; `false` when there is none.
    pub(super) fn inquire(&mut self, now: Instant) -> bool {
        self.inquire_from(now, None)
    }

    pub(super) fn inquire_from(&mut self, now: Instant, back: Option<(Instant, Step)>) -> bool {
        let is_ready = self.setting_up.is_none();
        let profile = self.profile();
        let Some(command) = self.inquiries.next(now, is_ready, &profile) else {
            return false;
        };
        self.activity = Activity::Inquiring { back };
        self.say(now, command);
        true
    }

    pub(super) fn on_inquired(
        &mut self,
        now: Instant,
        back: Option<(Instant, Step)>,
        answer: &setup::Answer,
    ) {
        let after = self.inquiries.on_answer(now, answer);
        match (after, back) {
            (After::Proceed, None) => self.proceed(now),
            (After::Proceed, Some((until, step))) => {
                self.activity = Activity::Pausing { until, step };
            }
            (After::Awaken, _) => {
                self.fell_silent("no answer to what a person asked");
                self.awaken(now, Wake::after_silence(now), None);
            }
        }
    }

    /// What waits behind a line that takes long goes back to where other modems may take it.
    pub(super) fn give_back_behind_line(&mut self, now: Instant) {
        if !self.inquiries.holds_up_for_long(now) {
            return;
        }
        while let Some(part) = self.waiting.pop_front() {
            self.answer(part.ticket, never_left(HELD_UP));
        }
    }

    /// The network is to answer first: only what a modem must not wait for is said meanwhile.
    pub(super) fn proceed_behind_dialogue(&mut self, now: Instant) {
        if self.receiving.urgency(now) == Urgency::GoesFirst {
            self.receive(now);
        }
    }

    /// When a modem at rest has something to do.
    pub(super) fn next_errand_due(&self) -> Option<Instant> {
        let errands = [Some(self.check_due), self.receiving.due()];
        let held = self.inquiries.holds_line();
        let errands = errands.into_iter().flatten().filter(|_| !held);
        errands.chain(self.calls.due()).min()
    }

    /// Ends a call that comes in, or asks to be told who calls; `false` when there is neither.
    pub(super) fn hang_up(&mut self, now: Instant) -> bool {
        let Some(command) = self.calls.next(now) else {
            return false;
        };
        self.activity = Activity::HangingUp;
        self.say(now, command);
        true
    }

    pub(super) fn on_hung_up(&mut self, now: Instant, answer: &setup::Answer) {
        if let Some(call) = self.calls.on_answer(answer) {
            self.events.push_back(ModemEvent::Call(call));
        }
        match answer {
            Err(Refusal::Silent) => {
                self.fell_silent("no answer to AT+CHUP");
                self.awaken(now, Wake::after_silence(now), None);
            }
            _ => self.proceed(now),
        }
    }

    /// The modem is not ready any more: what needs the network is not asked. A line to the modem itself waits.
    pub(super) fn refuse_questions(&mut self) {
        let why = Unanswered::NotReady(format!("the modem is {}", self.status.state.as_str()));
        self.inquiries.give_up(&why, false);
    }

    pub(super) fn end_questions(&mut self, why: &str) {
        self.inquiries
            .give_up(&Unanswered::NotReady(why.to_owned()), true);
    }
}
