//! Bringing a modem back: which rung of the ladder comes next, and when (behaviour §9.3).
//!
//! Pure: failures and time go in, an attempt comes out. The rung that helped this modem last comes first; two
//! failures at a rung lead to the next; between rungs, and after a relapse, the modem is left alone for 30 s,
//! doubling to 15 min. What changes the modem's state never comes while a result may still arrive.

use std::time::{Duration, Instant};

/// What is done to a modem that does not work, in order of what it costs.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rung {
    /// ESC, then `AT`: the session does it by itself.
    Escape,
    /// The port is closed and opened.
    Reopen,
    /// `ATZ`, `AT&F`, and everything is set up anew.
    Reset,
    /// The radio is switched off and on.
    Radio,
    /// The modem starts anew.
    Restart,
    /// Its USB device is reset from outside.
    Usb,
    /// It is left alone, and tried again from time to time.
    Quarantine,
}

impl Rung {
    pub(crate) const ALL: [Self; 7] = [
        Self::Escape,
        Self::Reopen,
        Self::Reset,
        Self::Radio,
        Self::Restart,
        Self::Usb,
        Self::Quarantine,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Escape => "escape",
            Self::Reopen => "reopen",
            Self::Reset => "reset",
            Self::Radio => "radio",
            Self::Restart => "restart",
            Self::Usb => "usb",
            Self::Quarantine => "quarantine",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rung| rung.as_str() == word)
    }

    /// For a person.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Escape => "it is asked again",
            Self::Reopen => "its port is opened anew",
            Self::Reset => "its settings are reset",
            Self::Radio => "its radio is switched off and on",
            Self::Restart => "it is restarted",
            Self::Usb => "its USB device is reset",
            Self::Quarantine => "it is left alone, and tried again every 15 minutes",
        }
    }

    /// Whether a result that is still to come would be lost by it.
    fn disturbs(self) -> bool {
        self > Self::Reopen
    }

    fn next(self) -> Self {
        let at = Self::ALL.iter().position(|rung| *rung == self);
        at.and_then(|at| Self::ALL.get(at + 1))
            .copied()
            .unwrap_or(Self::Quarantine)
    }
}

/// One thing to do for a modem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Attempt {
    pub(super) rung: Rung,
    pub(super) at: Instant,
}

/// The ladder of one modem.
#[derive(Debug)]
pub(super) struct Ladder {
    /// Where it stands; `None` while the modem is well.
    current: Option<Rung>,
    failures: u8,
    /// What brought it back the last time.
    helped: Option<Rung>,
    cooldown: Duration,
}

const FAILURES_PER_RUNG: u8 = 2;
/// Before the first attempt, and between two at the same rung.
const PAUSE: Duration = Duration::from_secs(1);
const FIRST_COOLDOWN: Duration = Duration::from_secs(30);
const LONGEST_COOLDOWN: Duration = Duration::from_secs(900);
/// How often a modem in quarantine is tried.
const QUARANTINE: Duration = Duration::from_secs(900);

impl Ladder {
    /// `helped`: what is remembered of this modem from before.
    pub(super) fn new(helped: Option<Rung>) -> Self {
        Self {
            current: None,
            failures: 0,
            helped: helped.filter(|rung| (Rung::Reopen..=Rung::Restart).contains(rung)),
            cooldown: Duration::ZERO,
        }
    }

    /// The modem does not work, whatever was tried last. `least`: less is known to be of no use. `pending_until`: until
    /// then a result may still come.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        least: Rung,
        pending_until: Option<Instant>,
    ) -> Attempt {
        let (rung, wait) = match self.current {
            None => {
                self.failures = 0;
                let usual = self.helped.unwrap_or(Rung::Reopen);
                (usual.max(least), PAUSE.max(self.cooldown))
            }
            Some(Rung::Quarantine) => (Rung::Quarantine, QUARANTINE),
            Some(rung) if self.failures + 1 < self.most_failures(rung) && rung >= least => {
                self.failures += 1;
                (rung, PAUSE)
            }
            Some(rung) => {
                self.failures = 0;
                let rung = rung.next().max(least);
                match rung {
                    Rung::Usb => (rung, Duration::ZERO),
                    Rung::Quarantine => (rung, QUARANTINE),
                    _ => (rung, self.lengthen_cooldown()),
                }
            }
        };
        self.current = Some(rung);
        let mut at = now + wait;
        if let Some(pending_until) = pending_until.filter(|_| rung.disturbs()) {
            at = at.max(pending_until);
        }
        Attempt { rung, at }
    }

    /// Quarantine is over for one attempt: the best that is known. If it fails, quarantine goes on.
    pub(super) fn retry(&self) -> Rung {
        self.helped.unwrap_or(Rung::Restart)
    }

    /// The modem has worked for `span` since the last attempt.
    pub(super) fn was_well(&mut self, span: Duration) {
        let tried = self.current.take();
        if let Some(rung) = tried {
            self.helped = match rung {
                Rung::Quarantine => Some(self.retry()),
                rung => Some(rung),
            };
        }
        self.failures = 0;
        if span >= LONGEST_COOLDOWN {
            self.cooldown = Duration::ZERO;
        } else if tried.is_some() {
            self.lengthen_cooldown();
        }
    }

    fn most_failures(&self, rung: Rung) -> u8 {
        match rung {
            Rung::Usb => 1,
            _ => FAILURES_PER_RUNG,
        }
    }

    fn lengthen_cooldown(&mut self) -> Duration {
        self.cooldown = (self.cooldown * 2).clamp(FIRST_COOLDOWN, LONGEST_COOLDOWN);
        self.cooldown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails until quarantine; what was tried, and how many seconds it was waited for.
    fn climb(ladder: &mut Ladder, least: Rung) -> Vec<(Rung, u64)> {
        let now = Instant::now();
        let mut tried = Vec::new();
        loop {
            let attempt = ladder.failed(now, least, None);
            tried.push((attempt.rung, (attempt.at - now).as_secs()));
            if attempt.rung == Rung::Quarantine {
                return tried;
            }
        }
    }

    #[test]
    fn two_failures_at_a_rung_lead_to_the_next_and_the_pauses_double() {
        use Rung::*;
        assert_eq!(
            climb(&mut Ladder::new(None), Escape),
            [
                (Reopen, 1),
                (Reopen, 1),
                (Reset, 30),
                (Reset, 1),
                (Radio, 60),
                (Radio, 1),
                (Restart, 120),
                (Restart, 1),
                (Usb, 0),
                (Quarantine, 900),
            ]
        );
    }

    #[test]
    fn what_helped_the_last_time_comes_first() {
        use Rung::*;
        let mut ladder = Ladder::new(None);
        let now = Instant::now();
        for expected in [Reopen, Reopen, Reset, Reset, Radio] {
            assert_eq!(ladder.failed(now, Escape, None).rung, expected);
        }
        ladder.was_well(Duration::from_secs(3600));
        assert_eq!(
            ladder.failed(now, Escape, None),
            Attempt {
                rung: Radio,
                at: now + PAUSE
            }
        );
        assert_eq!(
            Ladder::new(Some(Restart)).failed(now, Escape, None).rung,
            Restart
        );
        // A rung that no session can do is not remembered.
        assert_eq!(
            Ladder::new(Some(Usb)).failed(now, Escape, None).rung,
            Reopen
        );
    }

    #[test]
    fn a_relapse_is_waited_out_twice_as_long_each_time_up_to_fifteen_minutes() {
        let mut ladder = Ladder::new(None);
        let now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let attempt = ladder.failed(now, Rung::Escape, None);
            waits.push((attempt.at - now).as_secs());
            ladder.was_well(Duration::from_secs(20));
        }
        assert_eq!(waits, [1, 30, 60, 120, 240, 480, 900, 900]);
        ladder.failed(now, Rung::Escape, None);
        ladder.was_well(Duration::from_secs(900));
        assert_eq!(ladder.failed(now, Rung::Escape, None).at, now + PAUSE);
    }

    #[test]
    fn a_modem_that_was_merely_unplugged_is_not_waited_for_longer() {
        let mut ladder = Ladder::new(None);
        let now = Instant::now();
        for _ in 0..3 {
            ladder.was_well(Duration::from_secs(20));
        }
        assert_eq!(ladder.failed(now, Rung::Escape, None).at, now + PAUSE);
    }

    #[test]
    fn nothing_disturbs_a_modem_whose_result_may_still_come() {
        let now = Instant::now();
        let until = now + Duration::from_secs(100);
        let mut ladder = Ladder::new(None);
        // Opening the port anew is how the result is read.
        assert_eq!(
            ladder.failed(now, Rung::Escape, Some(until)).at,
            now + PAUSE
        );
        assert_eq!(
            ladder.failed(now, Rung::Radio, Some(until)),
            Attempt {
                rung: Rung::Radio,
                at: until
            }
        );
    }

    #[test]
    fn less_than_what_is_needed_is_skipped() {
        use Rung::*;
        let tried = climb(&mut Ladder::new(None), Radio);
        assert_eq!(tried[0], (Radio, 1));
        assert_eq!(tried[2], (Restart, 30));
    }

    #[test]
    fn a_modem_in_quarantine_is_tried_every_fifteen_minutes_and_remembers_what_brought_it_back() {
        let mut ladder = Ladder::new(None);
        climb(&mut ladder, Rung::Escape);
        assert_eq!(ladder.retry(), Rung::Restart);
        let now = Instant::now();
        let again = ladder.failed(now, Rung::Escape, None);
        assert_eq!(
            again,
            Attempt {
                rung: Rung::Quarantine,
                at: now + QUARANTINE
            }
        );
        ladder.was_well(Duration::from_secs(3600));
        assert_eq!(ladder.failed(now, Rung::Escape, None).rung, Rung::Restart);
    }
}
