//! A SIM that sends nothing for months is switched off by its operator: before that it sends a text.
//!
//! The text goes through the line like any other, by this SIM only, within its quota. That it was accepted is stored with
//! it, so a restart sends no second one; if it did not leave, another is tried a day later.

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Care, KeepAliveRule, TRY_AGAIN, rest};
use crate::domain::{Destination, ModemName, SimId, UnixMillis};
use crate::store::{Accepted, SimCare};

pub(super) struct KeepAlives<'a> {
    care: &'a Care,
    /// When each SIM is looked at next.
    due: HashMap<SimId, UnixMillis>,
}

/// It may wait for the end of a quota.
const TTL: Duration = Duration::from_secs(86_400);

impl<'a> KeepAlives<'a> {
    pub(super) fn of(care: &'a Care) -> Self {
        Self {
            care,
            due: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, stop: &CancellationToken) {
        let Some(rule) = &self.care.rules.keep_alive else {
            return;
        };
        let mut fleet = self.care.fleet.clone();
        loop {
            let mut next = None;
            for (modem, sim) in self.care.ready() {
                let due = self.tend(rule, &modem, &sim).await;
                next = next.into_iter().chain([due]).min();
            }
            if !rest(self.care, &mut fleet, next, stop).await {
                return;
            }
        }
    }

    async fn tend(&mut self, rule: &KeepAliveRule, modem: &ModemName, sim: &SimId) -> UnixMillis {
        let now = self.care.now();
        if let Some(due) = self.due.get(sim).filter(|due| **due > now) {
            return *due;
        }
        let due = match self.care.store.sim_care(sim.clone(), now).await {
            Ok(known) => match due(&known, rule.after, now) {
                due if due <= now => self.write(rule, modem, sim).await,
                due => due,
            },
            Err(error) => {
                warn!(%modem, %error, "what is known of a SIM could not be read");
                now.plus(TRY_AGAIN)
            }
        };
        self.due.insert(sim.clone(), due);
        due
    }

    async fn write(&self, rule: &KeepAliveRule, modem: &ModemName, sim: &SimId) -> UnixMillis {
        let care = self.care;
        let now = care.now();
        let Some(to) = self.recipient(rule, modem) else {
            warn!(%modem, "a SIM is to be kept alive, and no other SIM here tells its number: name one in sim_care.keep_alive_to");
            return now.plus(TTL);
        };
        let Some(text) = care.text((modem, sim), to, rule.text.clone(), TTL) else {
            return now.plus(TTL);
        };
        match care.store.keep_alive(sim.clone(), text).await {
            Ok(Accepted::New(view)) => {
                info!(%modem, message = %view.id, "a text keeps the SIM alive");
                care.bell.ring();
            }
            Ok(_) => warn!(%modem, "the number of sim_care.keep_alive_to is suppressed"),
            Err(error) => {
                warn!(%modem, %error, "a text that keeps the SIM alive could not be stored");
                return now.plus(TRY_AGAIN);
            }
        }
        now.plus(TTL)
    }

    fn recipient(&self, rule: &KeepAliveRule, modem: &ModemName) -> Option<Destination> {
        let others = || {
            let own = self.care.number_of(modem);
            let fleet = self.care.fleet();
            let mut others = fleet.iter().filter(|other| other.name != *modem);
            others.find_map(|other| {
                self.care
                    .number_of(&other.name)
                    .filter(|number| Some(number) != own.as_ref())
            })
        };
        rule.to.clone().or_else(others)
    }
}

/// When this SIM is to send something: so long after the network took a text of it, or after it was first seen. What was
/// written and did not leave is tried again after a day.
fn due(known: &SimCare, after: Duration, now: UnixMillis) -> UnixMillis {
    // A time in the future was written by a clock that was wrong.
    let past = |at: Option<UnixMillis>| at.filter(|at| *at <= now);
    let sent = past(known.sent_at).or(past(Some(known.first_seen_at)));
    let due = sent.map_or(now, |sent| sent.plus(after));
    match past(known.kept_alive_at) {
        Some(written) => due.max(written.plus(TTL)),
        None => due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn a_sim_is_due_when_it_has_been_silent_for_long_and_not_twice_a_day() {
        let after = Duration::from_secs(60 * 86_400);
        let days = |days: i64| UnixMillis(days * DAY);
        let known = |sent: Option<i64>, written: Option<i64>| SimCare {
            first_seen_at: days(10),
            sent_at: sent.map(days),
            kept_alive_at: written.map(days),
            balance_asked_at: None,
            balance: None,
            balance_is_low: false,
        };
        for (sent, written, expected) in [
            (None, None, 70),
            (Some(20), None, 80),
            // It was written, and has not left.
            (Some(20), Some(80), 81),
            // It has.
            (Some(80), Some(80), 140),
            // By a clock that was wrong.
            (Some(900), None, 70),
        ] {
            let due = due(&known(sent, written), after, days(100));
            assert_eq!(due, days(expected), "{sent:?} {written:?}");
        }
    }
}
