//! Whether a route works: three failures in a row, and it is left alone for a while; then one message probes it.
//!
//! Pure: outcomes and moments go in. What is about the message says nothing of the route, except that it works.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::UnixMillis;

#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// In a row.
    failures: u32,
    /// In a row, each twice as long as the one before.
    coolings: u32,
    cools_until: Option<(Instant, UnixMillis)>,
    /// It has cooled down, and nothing has been sent by it since.
    is_unproven: bool,
    /// A short pause after a fault of the modem itself, so that the two do not chase each other.
    rests_until: Option<Instant>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// Of the network, the SIM or the provider.
    Refused,
    /// The modem took nothing.
    Fault,
    /// A provider said that its account may not send: each message would be told the same.
    Check,
}

const FAILURES: u32 = 3;
const FIRST_COOLING: Duration = Duration::from_secs(30);
const LONGEST_COOLING: Duration = Duration::from_secs(900);
const REST: Duration = Duration::from_secs(1);

impl Health {
    /// `true`: from now on it cools down.
    pub(super) fn failed(&mut self, failure: Failure, clock: Instant, wall: UnixMillis) -> bool {
        if self.cools_until.is_some() {
            // Begun before: it does not count twice.
            return false;
        }
        self.failures += 1;
        let is_enough = self.is_unproven || failure == Failure::Check || self.failures >= FAILURES;
        if !is_enough {
            if failure == Failure::Fault {
                self.rests_until = Some(clock + REST);
            }
            return false;
        }
        let doubled = FIRST_COOLING * 2u32.pow(self.coolings.min(16));
        let cooling = doubled.min(LONGEST_COOLING);
        self.cools_until = Some((clock + cooling, wall.plus(cooling)));
        self.coolings += 1;
        self.failures = 0;
        self.is_unproven = true;
        true
    }

    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }

    /// Its modem is not ready, so it is no candidate, and when it is ready again it has been seen to.
    pub(super) fn begin_anew(&mut self) {
        self.failures = 0;
    }

    pub(super) fn look(&mut self, clock: Instant) {
        self.cools_until = self.cools_until.filter(|(until, _)| *until > clock);
        self.rests_until = self.rests_until.filter(|until| *until > clock);
    }

    /// The next message is a probe, and alone.
    pub(super) fn is_probing(&self) -> bool {
        self.is_unproven && self.cools_until.is_none()
    }

    pub(super) fn cools_until(&self) -> Option<UnixMillis> {
        self.cools_until.map(|(_, wall)| wall)
    }

    pub(super) fn is_resting(&self) -> bool {
        self.cools_until.is_some() || self.rests_until.is_some()
    }

    /// When to look again.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let cooled = self.cools_until.map(|(until, _)| until);
        cooled.into_iter().chain(self.rests_until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clock(Instant, UnixMillis);

    impl Clock {
        fn passes(&mut self, seconds: u64) {
            let time = Duration::from_secs(seconds);
            *self = Self(self.0 + time, self.1.plus(time));
        }
    }

    fn clock() -> Clock {
        Clock(Instant::now(), UnixMillis(0))
    }

    #[test]
    fn three_failures_in_a_row_cool_it_and_a_success_between_does_not_let_it_come_to_that() {
        let clock = clock();
        let mut health = Health::default();
        let fails = |health: &mut Health| health.failed(Failure::Refused, clock.0, clock.1);
        assert!(!fails(&mut health) && !fails(&mut health));
        health.worked();
        assert!(!fails(&mut health) && !fails(&mut health));
        assert!(!health.is_resting());
        assert!(fails(&mut health));
        assert_eq!(health.cools_until(), Some(UnixMillis(30_000)));
    }

    #[test]
    fn each_failed_probe_doubles_the_time_up_to_a_quarter_of_an_hour() {
        let mut clock = clock();
        let mut health = Health::default();
        let mut waits = Vec::new();
        health.failed(Failure::Refused, clock.0, clock.1);
        health.failed(Failure::Refused, clock.0, clock.1);
        for _ in 0..7 {
            assert!(health.failed(Failure::Refused, clock.0, clock.1));
            let wait = health.cools_until().unwrap().since(clock.1).as_secs();
            assert!(health.is_resting() && !health.is_probing());
            clock.passes(wait);
            health.look(clock.0);
            assert!(health.is_probing() && !health.is_resting());
            waits.push(wait);
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900]);
        health.worked();
        assert!(!health.is_probing());
        assert!(!health.failed(Failure::Refused, clock.0, clock.1));
    }

    #[test]
    fn a_failed_check_is_enough() {
        let clock = clock();
        assert!(Health::default().failed(Failure::Check, clock.0, clock.1));
    }

    #[test]
    fn what_was_in_flight_when_it_began_to_cool_does_not_lengthen_it() {
        let clock = clock();
        let mut health = Health::default();
        health.failed(Failure::Check, clock.0, clock.1);
        assert!(!health.failed(Failure::Refused, clock.0, clock.1));
        assert_eq!(health.cools_until(), Some(UnixMillis(30_000)));
    }

    #[test]
    fn a_fault_of_the_modem_is_followed_by_a_breath() {
        let mut clock = clock();
        let mut health = Health::default();
        health.failed(Failure::Fault, clock.0, clock.1);
        assert!(health.is_resting());
        clock.passes(1);
        health.look(clock.0);
        assert!(!health.is_resting() && !health.is_probing());
    }
}
