//! When a part that was not sent may be tried again, and whether (semantics §1).
//!
//! Pure arithmetic: what went wrong and how often goes in, a moment or a verdict comes out. Chance is an
//! argument.

use std::time::Duration;

use crate::domain::{Blame, Policy, Setback, UnixMillis};
use crate::store::NextTry;

/// What the decision depends on, besides the verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Counted tries before this one.
    pub(crate) strikes: u32,
    /// Set-backs in a row before this one that were not about the message.
    pub(crate) setbacks: u32,
    /// `message.max_attempts`.
    pub(crate) max_attempts: u32,
    pub(crate) expires_at: UnixMillis,
    pub(crate) now: UnixMillis,
    /// It showed whether a route works again: that costs the message no try.
    pub(crate) is_probe: bool,
    /// A code whose number a modem was told cannot be reached may ask a provider.
    pub(crate) may_ask_other_kind: bool,
    /// 0.0 … 1.0: spreads a queue that failed together.
    pub(crate) chance: f64,
}

/// After a definite failure.
pub(crate) fn after_refusal(setback: &Setback, standing: &Standing) -> NextTry {
    match setback.blame {
        Blame::Recipient if standing.may_ask_other_kind => NextTry::At {
            at: standing.now,
            why: setback.to_string(),
            counts: true,
        },
        Blame::Recipient => NextTry::Never,
        Blame::Message if standing.is_probe => {
            standing.wait(FIRST_WAIT, setback.to_string(), false)
        }
        Blame::Message => counted(standing, &setback.to_string()),
        Blame::Network | Blame::Sim => standing
            .wait(
                doubled(FIRST_WAIT, standing.setbacks, LONGEST_WAIT),
                setback.to_string(),
                false,
            )
            .not_before(standing, asked_for(setback)),
        // Another route need not wait for the operator; this one is left alone for a while anyway.
        Blame::Account => standing.wait(
            doubled(ACCOUNT_PAUSE, standing.setbacks, LONGEST_WAIT),
            setback.to_string(),
            false,
        ),
        Blame::Frequency if standing.strikes + 1 >= standing.max_attempts => NextTry::Never,
        Blame::Frequency => standing
            .wait(FIRST_WAIT, setback.to_string(), true)
            .not_before(standing, asked_for(setback)),
        // It holds the modem, not the message; the pause only keeps the two from chasing each other.
        Blame::Modem | Blame::House => standing.wait(MODEM_PAUSE, setback.to_string(), false),
    }
}

/// After an outcome that nobody knows (semantics §6). It counts in a probe too: each time may be one more copy.
pub(crate) fn after_uncertainty(policy: Policy, standing: &Standing) -> NextTry {
    match policy {
        Policy::Lose => NextTry::TheRest,
        Policy::Duplicate => counted(standing, "it may have left; it is sent again"),
    }
}

fn asked_for(setback: &Setback) -> Duration {
    setback.wait.unwrap_or_default()
}

/// The provider is asked first whether it has the text; by then it has said so, or nobody will know (semantics §6).
pub(crate) fn after_question(policy: Policy, standing: &Standing) -> NextTry {
    match after_uncertainty(policy, standing) {
        NextTry::At { counts, .. } => NextTry::At {
            at: standing.now.plus(QUESTION).min(standing.expires_at),
            why: "it may have left; the provider is asked whether it has it".into(),
            counts,
        },
        other => other,
    }
}

fn counted(standing: &Standing, why: &str) -> NextTry {
    if standing.strikes + 1 >= standing.max_attempts {
        return NextTry::Never;
    }
    let wait = FIRST_WAIT * 4u32.saturating_pow(standing.strikes.min(8));
    standing.wait(wait.min(LONGEST_WAIT), why.into(), true)
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    (first * 2u32.pow(times.min(16))).min(longest)
}

impl NextTry {
    /// Whoever asked to be left alone for `wait` is, to the end of it.
    fn not_before(self, standing: &Standing, wait: Duration) -> Self {
        match self {
            Self::At { at, why, counts } => Self::At {
                at: at.max(standing.now.plus(wait)).min(standing.expires_at),
                why,
                counts,
            },
            other => other,
        }
    }
}

impl Standing {
    /// `wait` ± 20 %, and never past the end of its time to live.
    fn wait(&self, wait: Duration, why: String, counts: bool) -> NextTry {
        let spread = wait.mul_f64(0.8 + 0.4 * self.chance);
        NextTry::At {
            at: self.now.plus(spread).min(self.expires_at),
            why,
            counts,
        }
    }
}

const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(900);
const MODEM_PAUSE: Duration = Duration::from_secs(1);
const ACCOUNT_PAUSE: Duration = Duration::from_millis(500);
/// A provider may take half a minute to find what it has taken.
const QUESTION: Duration = Duration::from_secs(45);

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(strikes: u32, setbacks: u32) -> Standing {
        Standing {
            strikes,
            setbacks,
            max_attempts: 3,
            expires_at: UnixMillis(10_000_000),
            now: UnixMillis(0),
            is_probe: false,
            may_ask_other_kind: false,
            chance: 0.5,
        }
    }

    fn refusal(blame: Blame) -> Setback {
        Setback {
            blame,
            code: "network_rejected",
            detail: "+CMS ERROR: 38".into(),
            wait: None,
        }
    }

    #[track_caller]
    fn seconds(next: &NextTry) -> i64 {
        match next {
            NextTry::At { at, .. } => at.0 / 1000,
            NextTry::TheRest | NextTry::Never => panic!("expected another try"),
        }
    }

    #[test]
    fn network_trouble_is_met_with_growing_patience_and_never_counts() {
        let waits: Vec<i64> = (0..10)
            .map(|setbacks| {
                seconds(&after_refusal(
                    &refusal(Blame::Network),
                    &standing(0, setbacks),
                ))
            })
            .collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]);
    }

    #[test]
    fn whoever_asks_to_be_left_alone_for_a_while_is() {
        for blame in [Blame::Network, Blame::Frequency] {
            let asked = Setback {
                wait: Some(Duration::from_secs(60)),
                ..refusal(blame)
            };
            for chance in [0.0, 1.0] {
                let standing = Standing {
                    chance,
                    ..standing(0, 0)
                };
                assert_eq!(seconds(&after_refusal(&asked, &standing)), 60, "{blame:?}");
            }
        }
        let late = after_refusal(&refusal(Blame::Frequency), &standing(2, 0));
        assert_eq!(late, NextTry::Never, "and it counts");
    }

    #[test]
    fn verdicts_about_the_message_count_and_end_after_max_attempts() {
        let next = |strikes| after_refusal(&refusal(Blame::Message), &standing(strikes, 0));
        assert_eq!(seconds(&next(0)), 5);
        assert_eq!(seconds(&next(1)), 20);
        assert_eq!(next(2), NextTry::Never);
        assert!(matches!(next(0), NextTry::At { counts: true, .. }));
    }

    #[test]
    fn what_waiting_cannot_cure_is_not_waited_for() {
        let next = after_refusal(&refusal(Blame::Recipient), &standing(0, 0));
        assert_eq!(next, NextTry::Never);
    }

    #[test]
    fn a_probe_costs_no_try_unless_it_may_have_left() {
        let probe = Standing {
            is_probe: true,
            ..standing(2, 0)
        };
        let next = after_refusal(&refusal(Blame::Message), &probe);
        assert!(matches!(next, NextTry::At { counts: false, .. }));
        assert_eq!(after_uncertainty(Policy::Duplicate, &probe), NextTry::Never);
    }

    #[test]
    fn a_code_asks_another_kind_of_route_at_once_when_a_modem_was_told_there_is_no_such_number() {
        let code = Standing {
            may_ask_other_kind: true,
            ..standing(0, 0)
        };
        let next = after_refusal(&refusal(Blame::Recipient), &code);
        assert_eq!(seconds(&next), 0);
    }

    #[test]
    fn what_may_have_left_is_sent_again_only_by_policy() {
        assert_eq!(
            after_uncertainty(Policy::Lose, &standing(0, 0)),
            NextTry::TheRest
        );
        assert_eq!(
            seconds(&after_uncertainty(Policy::Duplicate, &standing(0, 0))),
            5
        );
        assert_eq!(
            after_uncertainty(Policy::Duplicate, &standing(2, 0)),
            NextTry::Never
        );
    }

    #[test]
    fn a_wait_is_spread_by_a_fifth_and_ends_with_the_message() {
        let at = |chance| {
            let standing = Standing {
                chance,
                ..standing(0, 0)
            };
            seconds(&after_refusal(&refusal(Blame::Network), &standing))
        };
        assert_eq!((at(0.0), at(1.0)), (4, 6));
        let nearly_over = Standing {
            expires_at: UnixMillis(1_000),
            ..standing(0, 8)
        };
        assert_eq!(
            seconds(&after_refusal(&refusal(Blame::Network), &nearly_over)),
            1
        );
    }
}
