//! How far back what was sent to a number must be read to say whether more may be (semantics §8).
//!
//! Pure: messages go in as they were accepted, the newest first; whether older ones matter comes out after each, and in the
//! end how long the next has to wait. The order of acceptance is nearly that of the times by which they count: within a
//! stretch none is more than [`DISORDER`] older than one that was accepted before it. Of what is older by more than that
//! than all that is still asked for, nothing more need be read.

use std::time::Duration;

use super::counted::{CountedAs, NumberLog};
use super::{Limit, UnixMillis};

/// Requests overtake each other on their way to the store, and clocks are set right by a little: by this much the times may
/// go back within a stretch.
pub const DISORDER: Duration = Duration::from_secs(10);

/// One question: how long would another have to wait at a time?
#[derive(Debug)]
pub struct Lookback {
    at: UnixMillis,
    asked: Vec<Asked>,
}

/// One limit.
#[derive(Debug)]
struct Asked {
    log: NumberLog,
    limit: Limit,
    /// Events at this time and before do not count.
    opens_after: UnixMillis,
    /// Those that count, of all stretches.
    inside: Vec<UnixMillis>,
    stretch: Stretch,
}

/// What one stretch has shown.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    inside: u32,
    /// Of those that count.
    oldest: UnixMillis,
    /// What was accepted before a message that is as old as this is not asked for.
    floor: UnixMillis,
}

impl Lookback {
    pub fn new(limits: &[(NumberLog, Limit)], at: UnixMillis) -> Self {
        let asked = limits.iter().map(|&(log, limit)| {
            let opens_after = limit.opens_after(at);
            Asked {
                log,
                limit,
                opens_after,
                inside: Vec::new(),
                stretch: Stretch::of(opens_after, at),
            }
        });
        Self {
            at,
            asked: asked.collect(),
        }
    }

    pub fn at(&self) -> UnixMillis {
        self.at
    }

    /// What is as old as this counts for no limit.
    pub fn opens_after(&self) -> UnixMillis {
        let opens = self.asked.iter().map(|one| one.opens_after);
        opens.min().unwrap_or(self.at)
    }

    /// What comes now was accepted before all that came, in another stretch.
    pub fn begin_stretch(&mut self) {
        for one in &mut self.asked {
            one.stretch = Stretch::of(one.opens_after, self.at);
        }
    }

    /// Takes the next older message; answers whether those before it in its stretch matter.
    pub fn takes(&mut self, counted: CountedAs, event: UnixMillis) -> bool {
        let mut matters = false;
        for one in &mut self.asked {
            if counted.is_in(one.log) && event > one.opens_after && event <= self.at {
                one.inside.push(event);
                one.stretch.takes(event, one.limit.count());
            }
            matters |= event > one.stretch.floor;
        }
        matters
    }

    /// As long as the strictest says. `None`: it need not wait.
    pub fn wait(self) -> Option<Duration> {
        let at = self.at;
        let waits = self.asked.into_iter().filter_map(|one| {
            let oldest_counted = newest(one.inside, one.limit.count());
            one.limit.wait(oldest_counted, at)
        });
        waits.max()
    }
}

impl Stretch {
    fn of(opens_after: UnixMillis, at: UnixMillis) -> Self {
        Self {
            inside: 0,
            oldest: at,
            floor: before(opens_after),
        }
    }

    fn takes(&mut self, event: UnixMillis, count: u32) {
        self.inside += 1;
        self.oldest = self.oldest.min(event);
        // So many are at least as young as the oldest of them: only younger ones than that could change anything.
        if self.inside == count {
            self.floor = self.floor.max(before(self.oldest));
        }
    }
}

fn before(time: UnixMillis) -> UnixMillis {
    let disorder = i64::try_from(DISORDER.as_millis()).unwrap_or(i64::MAX);
    UnixMillis(time.0.saturating_sub(disorder))
}

/// The `place`-th newest, from 1.
fn newest(mut times: Vec<UnixMillis>, place: u32) -> Option<UnixMillis> {
    let index = usize::try_from(place).ok()?.checked_sub(1)?;
    if index >= times.len() {
        return None;
    }
    let (_, found, _) = times.select_nth_unstable_by(index, |one, other| other.cmp(one));
    Some(*found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: NumberLog = NumberLog::Direct;

    fn direct() -> CountedAs {
        CountedAs::default().with(LOG)
    }

    fn limits(written: &[&str]) -> Vec<(NumberLog, Limit)> {
        let limit = |text: &&str| (LOG, Limit::parse(text).unwrap());
        written.iter().map(limit).collect()
    }

    fn seconds(seconds: i64) -> UnixMillis {
        UnixMillis(1_000_000 + seconds * 1000)
    }

    /// How many of these are read, and how long the next waits at 100 s.
    fn asked(written: &[&str], events: &[i64]) -> (usize, Option<u64>) {
        let mut lookback = Lookback::new(&limits(written), seconds(100));
        let mut read = 0;
        for event in events {
            read += 1;
            if !lookback.takes(direct(), seconds(*event)) {
                break;
            }
        }
        (read, lookback.wait().map(|wait| wait.as_secs()))
    }

    #[test]
    fn no_more_is_read_than_can_matter() {
        for (written, events, expected) in [
            // Out of every window, and by more than what could be in disorder.
            (&["1/60"][..], &[30, 29, 28][..], (1, None)),
            // Out of the window; what was accepted before may be in it all the same.
            (&["1/60"], &[35, 45, 29], (3, Some(5))),
            // As many as the limit says, and no younger ones behind.
            (&["2/60"], &[90, 80, 69, 95], (3, Some(40))),
            // Younger ones behind.
            (&["2/60"], &[90, 80, 85, 69], (4, Some(45))),
            // The longest window decides.
            (&["1/10", "5/90"], &[50, 20, 15], (3, None)),
            // What is to be sent later, and what is not asked of this log.
            (&["1/60"], &[200, 150, 70], (3, Some(30))),
        ] {
            assert_eq!(asked(written, events), expected, "{written:?} {events:?}");
        }
    }

    #[test]
    fn what_stands_in_another_log_does_not_count() {
        let mut lookback = Lookback::new(&limits(&["1/60"]), seconds(100));
        assert!(lookback.takes(CountedAs::default().with(NumberLog::Alert), seconds(99)));
        assert!(!lookback.takes(CountedAs::default(), seconds(20)));
        assert_eq!(lookback.wait(), None);
    }

    #[test]
    fn each_stretch_is_in_an_order_of_its_own() {
        let mut lookback = Lookback::new(&limits(&["2/60"]), seconds(100));
        // The clock stood an hour wrong, and was set right.
        assert!(!lookback.takes(direct(), seconds(-3_500)));
        lookback.begin_stretch();
        assert!(lookback.takes(direct(), seconds(90)));
        assert!(lookback.takes(direct(), seconds(70)));
        assert_eq!(lookback.wait(), Some(Duration::from_secs(30)));
    }

    proptest! {
        #[test]
        fn what_is_read_says_the_same_as_everything(
            steps in prop::collection::vec((-3_000i64..12_000, any::<bool>()), 0..80),
            back in 0i64..60_000,
        ) {
            let written = limits(&["1/5", "3/20", "7/60"]);
            // In a stretch: none is more than the disorder older than one before it.
            let (mut newest, mut time, mut log) = (0, 0, Vec::new());
            for (step, is_direct) in steps {
                time = (time + step).max(newest - 10_000);
                newest = newest.max(time);
                log.push((time, is_direct));
            }
            let at = UnixMillis(newest - back);
            let (mut read, mut all) = (Lookback::new(&written, at), Lookback::new(&written, at));
            let mut goes_on = true;
            for &(time, is_direct) in log.iter().rev() {
                let counted = if is_direct { direct() } else { CountedAs::default() };
                all.takes(counted, UnixMillis(time));
                goes_on = goes_on && read.takes(counted, UnixMillis(time));
            }
            prop_assert_eq!(read.wait(), all.wait());
        }
    }
}
