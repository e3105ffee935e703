//! How many in how long: `"5/3600"`, counted exactly (semantics §8).
//!
//! Pure: which events there were goes in, whether another may be comes out. The store asks for no more of them than
//! this arithmetic needs: the `count`-th newest.

use std::fmt;
use std::time::Duration;

use super::UnixMillis;

/// At most `count` events in any window of this length.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Limit {
    count: u32,
    /// Whole seconds, at least one.
    window: Duration,
}

impl Limit {
    /// `None` unless both are at least 1.
    pub fn new(count: u32, seconds: u32) -> Option<Self> {
        (count > 0 && seconds > 0).then(|| Self {
            count,
            window: Duration::from_secs(seconds.into()),
        })
    }

    /// Reads `"5/3600"`: five in an hour.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, seconds) = text.split_once('/')?;
        let number = |text: &str| {
            let is_plain = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
            text.parse().ok().filter(|_| is_plain)
        };
        Self::new(number(count)?, number(seconds)?)
    }

    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn window(&self) -> Duration {
        self.window
    }

    /// How long another event at `at` must wait. `oldest_counted`: the `count`-th newest of those that lie in
    /// (`at` − window, `at`], when there are so many. `None`: it need not wait.
    pub fn wait(&self, oldest_counted: Option<UnixMillis>, at: UnixMillis) -> Option<Duration> {
        let free_at = oldest_counted?.plus(self.window);
        (free_at > at).then(|| free_at.since(at))
    }

    /// Events up to this time no longer count for one at `at`.
    pub fn opens_after(&self, at: UnixMillis) -> UnixMillis {
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        UnixMillis(at.0.saturating_sub(window))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.window.as_secs())
    }
}

/// `Retry-After`: whole seconds, rounded up, at least 1.
pub fn retry_after(wait: Duration) -> u64 {
    let rounded_up = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    rounded_up.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_limit_is_written_as_a_count_in_seconds() {
        let hour = Limit::parse("5/3600").unwrap();
        assert_eq!(
            (hour.count(), hour.window()),
            (5, Duration::from_secs(3600))
        );
        assert_eq!(hour.to_string(), "5/3600");
        for wrong in [
            "",
            "5",
            "5/",
            "/60",
            "0/60",
            "5/0",
            "-1/60",
            "+1/60",
            "1/60/2",
            "1 /60",
            "1/1h",
            "99999999999/1",
        ] {
            assert_eq!(Limit::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_event_counts_until_its_window_is_over_and_not_a_moment_longer() {
        let limit = Limit::parse("1/60").unwrap();
        let sent = UnixMillis(1_000_000);
        let waits = |after: u64| limit.wait(Some(sent), sent.plus(Duration::from_millis(after)));
        assert_eq!(waits(0), Some(Duration::from_secs(60)));
        assert_eq!(waits(59_999), Some(Duration::from_millis(1)));
        assert_eq!(waits(60_000), None);
        assert_eq!(limit.wait(None, sent), None);
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        for (millis, told) in [
            (0, 1),
            (1, 1),
            (999, 1),
            (1_000, 1),
            (1_001, 2),
            (59_999, 60),
        ] {
            assert_eq!(retry_after(Duration::from_millis(millis)), told);
        }
    }

    /// What the store answers: the `count`-th newest event of the window.
    fn oldest_counted(limit: &Limit, log: &[i64], at: i64) -> Option<UnixMillis> {
        let opens = limit.opens_after(UnixMillis(at)).0;
        let mut counted: Vec<i64> = log
            .iter()
            .copied()
            .filter(|event| (opens + 1..=at).contains(event))
            .collect();
        counted.sort_unstable_by(|one, other| other.cmp(one));
        let place = usize::try_from(limit.count()).unwrap() - 1;
        counted.get(place).copied().map(UnixMillis)
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(
            count in 1u32..6,
            seconds in 1u32..20,
            steps in prop::collection::vec(0i64..5_000, 1..200),
        ) {
            let limit = Limit::new(count, seconds).unwrap();
            let (mut log, mut at) = (Vec::new(), 1_000_000);
            for step in steps {
                at += step;
                match limit.wait(oldest_counted(&limit, &log, at), UnixMillis(at)) {
                    None => log.push(at),
                    // Refused for good reason, and not once the wait is over.
                    Some(wait) => {
                        let later = at + i64::try_from(wait.as_millis()).unwrap();
                        let again = oldest_counted(&limit, &log, later);
                        prop_assert_eq!(limit.wait(again, UnixMillis(later)), None);
                        let before = oldest_counted(&limit, &log, later - 1);
                        prop_assert!(limit.wait(before, UnixMillis(later - 1)).is_some());
                    }
                }
                let window = i64::from(seconds) * 1000;
                let in_window = log.iter().filter(|event| **event > at - window).count();
                prop_assert!(in_window <= count as usize);
            }
        }
    }
}
