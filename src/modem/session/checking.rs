//! The check of a modem at rest: signal, registration, and from time to time whether it still announces what comes.

use std::time::Instant;

use super::{CHECK_EVERY, Session};
use crate::at::information::Domain;
use crate::modem::setup::{self, Step};

/// behaviour §9.2: every ten minutes.
const COMPARE_EVERY: u8 = 10;

impl Session {
    pub(super) fn on_checked(&mut self, now: Instant, step: Step, answer: &setup::Answer) {
        self.check_due = now + CHECK_EVERY;
        match step {
            Step::Signal => {
                setup::note_signal(answer, &mut self.status);
                self.ask(now, Step::Registration);
            }
            Step::Registration => match setup::usable_registration(answer, Domain::Circuit) {
                Some(registration) => {
                    setup::note_registration(registration, &mut self.status);
                    self.after_registration_check(now);
                }
                None => self.ask(now, Step::LteRegistration),
            },
            Step::LteRegistration => match setup::usable_registration(answer, Domain::Lte) {
                Some(registration) => {
                    setup::note_registration(registration, &mut self.status);
                    self.after_registration_check(now);
                }
                None => {
                    self.begin_again = Some(Step::NETWORK);
                    self.proceed(now);
                }
            },
            Step::AnnouncementsKept(form) => {
                // A module that has restarted by itself has forgotten them, and nothing would come in any more.
                if !self.setup.announces(form, answer) {
                    self.begin_again = Some(Step::FIRST);
                }
                self.proceed(now);
            }
            _ => self.proceed(now),
        }
    }

    fn after_registration_check(&mut self, now: Instant) {
        // It was away for a moment: what it was told may be forgotten.
        if std::mem::take(&mut self.was_unregistered) {
            self.begin_again = self.begin_again.or(Some(Step::MESSAGES));
            return self.proceed(now);
        }
        self.checks += 1;
        if self.checks < COMPARE_EVERY {
            return self.proceed(now);
        }
        self.checks = 0;
        match self.setup.announced() {
            Some(form) if !self.receiving.has_no_memory() => {
                self.ask(now, Step::AnnouncementsKept(form));
            }
            // It kept nothing, or announced nothing, when it was asked: perhaps it does now.
            _ => {
                self.begin_again = self.begin_again.or(Some(Step::MESSAGES));
                self.proceed(now);
            }
        }
    }
}
