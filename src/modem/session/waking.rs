//! A modem that does not listen: it is woken, given its remedy, or given up.

use std::time::Instant;

use super::{Activity, Departure, Session};
use crate::at::chat;
use crate::domain::ModemState;
use crate::modem::RecoveryOutcome;
use crate::modem::recovery::Rung;
use crate::modem::remedy::Remedy;
use crate::modem::setup::Step;
use crate::modem::submit::Flight;
use crate::modem::wake::{self, Wake};

impl Session {
    pub(super) fn awaken(&mut self, now: Instant, wake: Wake, again: Option<Flight>) {
        self.deferred = None;
        self.chat.handle(now, chat::Input::Escape);
        self.activity = Activity::Waking { wake, again };
        self.converse(now);
    }

    /// A ready modem left a line unanswered: nothing more is given to it until it is heard again.
    pub(super) fn fell_silent(&mut self, what: &str) {
        if self.status.state != ModemState::Ready {
            return;
        }
        let before = (self.status.state, self.status.last_error.take());
        self.before_silence = Some(before);
        self.status.state = ModemState::Recovering;
        self.status.last_error = Some(format!("{what}: {}", Rung::Escape.words()));
        self.tell_recovery(Rung::Escape, RecoveryOutcome::Begun, what);
        self.refuse_waiting();
        self.refuse_questions();
    }

    fn is_heard_again(&mut self) {
        if let Some((state, error)) = self.before_silence.take() {
            self.status.state = state;
            self.status.last_error = error;
            self.tell_recovery(Rung::Escape, RecoveryOutcome::Helped, "");
        }
    }

    pub(super) fn take_wake(&mut self, now: Instant, step: wake::Step) {
        match step {
            wake::Step::Wait => {}
            wake::Step::Ask(command) => self.chat.handle(now, chat::Input::Submit(command)),
            wake::Step::Escape => self.chat.handle(now, chat::Input::Escape),
            wake::Step::Deaf => match self.remedy.take() {
                Some(remedy) => self.begin_treatment(now, remedy),
                None => self.end(now, Departure::Silent),
            },
            wake::Step::Awake => {
                // What comes from now on belongs to what is asked from now on.
                self.settle();
                self.is_heard_again();
                let Activity::Waking { again, .. } =
                    std::mem::replace(&mut self.activity, Activity::Idle)
                else {
                    return;
                };
                match (self.remedy.take(), again) {
                    (Some(remedy), _) => self.begin_treatment(now, remedy),
                    (None, Some(flight)) => self.launch(now, flight),
                    (None, None) => self.proceed(now),
                }
            }
        }
    }

    fn begin_treatment(&mut self, now: Instant, remedy: Remedy) {
        self.activity = Activity::Treating {
            remedy,
            rest: std::time::Duration::ZERO,
            until: None,
        };
        self.treat(now);
    }

    /// The next line of the remedy; behind the last one the modem is woken, or gone for a while.
    pub(super) fn treat(&mut self, now: Instant) {
        let Activity::Treating {
            remedy,
            rest,
            until,
        } = &mut self.activity
        else {
            return;
        };
        *until = None;
        if let Some((command, pause)) = remedy.next() {
            *rest = pause;
            return self.say(now, command);
        }
        if remedy.restarts() {
            return self.end(now, Departure::Restarting);
        }
        self.setting_up = Some(Step::FIRST);
        self.awaken(now, Wake::at_start(now), None);
    }

    /// Somebody wants the modem restarted: done when nothing is in flight.
    pub(super) fn restart(&mut self, now: Instant) {
        match self.activity {
            Activity::Idle | Activity::Pausing { .. } => self.restart_now(now),
            _ => self.restart_wanted = true,
        }
    }

    pub(super) fn restart_now(&mut self, now: Instant) {
        self.restart_wanted = false;
        self.status.state = ModemState::Recovering;
        self.status.last_error = None;
        self.refuse_waiting();
        self.refuse_questions();
        let remedy = Remedy::new(Rung::Restart, self.setup.profile());
        self.begin_treatment(now, remedy);
    }
}
