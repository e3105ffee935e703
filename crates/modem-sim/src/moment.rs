//! **Moment**: one point in time on the three clocks that a simulation needs.
//!
//! The cores receive a [`Moment`] with every input and never ask for one. [`Clock`] is what the edges ask.
//! It is built on tokio's instant, so under a paused clock all three faces stand still together.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// Now, as the cores see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// What deadlines are counted on.
    pub(crate) instant: Instant,
    /// What timestamps in PDUs and of received texts are made of.
    pub(crate) unix_ms: i64,
    /// `CLOCK_MONOTONIC`, what the ledger notes: comparable between processes of one machine.
    pub(crate) mono_ns: u64,
}

impl Moment {
    /// The same moment, later.
    #[cfg(test)]
    pub(crate) fn after(self, pause: Duration) -> Self {
        Self {
            instant: self.instant + pause,
            unix_ms: self.unix_ms + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX),
            mono_ns: self.mono_ns + nanos(pause),
        }
    }

    /// A fixed beginning for conversations in tests: Friday, 13 February 2009, 23:31:30 UTC.
    #[cfg(test)]
    pub(crate) fn fixed() -> Self {
        Self {
            instant: Instant::now(),
            unix_ms: 1_234_567_890_000,
            mono_ns: 1_000_000_000,
        }
    }
}

/// Where the edges read the time.
#[derive(Debug)]
pub(crate) struct Clock {
    started: tokio::time::Instant,
    unix_ms: i64,
    mono_ns: u64,
    wall: Wall,
}

/// Whether the wall clock is asked each time or counted on from the start.
#[derive(Debug)]
enum Wall {
    /// A real clock: it may be set, and goes on while the machine sleeps.
    Asked,
    /// In memory: moves with tokio's clock, so that a test which pauses one pauses both.
    Counted,
}

impl Clock {
    pub(crate) fn real() -> Self {
        Self::start(Wall::Asked)
    }

    pub(crate) fn of_the_runtime() -> Self {
        Self::start(Wall::Counted)
    }

    fn start(wall: Wall) -> Self {
        let mono = clock_gettime(ClockId::Monotonic);
        Self {
            started: tokio::time::Instant::now(),
            unix_ms: unix_ms(),
            mono_ns: u64::try_from(mono.tv_sec).unwrap_or(0) * 1_000_000_000
                + u64::try_from(mono.tv_nsec).unwrap_or(0),
            wall,
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let instant = tokio::time::Instant::now();
        let elapsed = instant.saturating_duration_since(self.started);
        Moment {
            instant: instant.into_std(),
            unix_ms: match self.wall {
                Wall::Asked => unix_ms(),
                Wall::Counted => {
                    self.unix_ms + i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
                }
            },
            mono_ns: self.mono_ns + nanos(elapsed),
        }
    }
}

fn unix_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
