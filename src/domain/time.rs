//! The wall clock as a number. Monotonic time is `std::time::Instant`; the service centre's own time is a
//! [`pdu_codec::Timestamp`]. The three are never mixed.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z: what is stored and shown.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// The moment `duration` later; saturates at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// How long from `earlier` to this moment; zero if the clock stood earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn timestamp(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// `yyyyMMddHHmmss` in UTC: the part of a message's id that is a time.
    pub fn compact(self) -> String {
        self.timestamp().strftime("%Y%m%d%H%M%S").to_string()
    }

    /// RFC 3339 in UTC with whole seconds: `2026-11-20T10:53:08Z`.
    pub fn to_seconds(self) -> String {
        format!("{:.0}", self.timestamp())
    }

    /// Reads RFC 3339 with any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let timestamp: jiff::Timestamp = text.parse().ok()?;
        Some(Self(timestamp.as_millisecond()))
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-11-20T10:53:08.000Z`.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

/// Tells what time it is. Whoever holds one reads it where it stands; nobody else reads a wall clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    pub fn new(read: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl Deref for Clock {
    type Target = dyn Fn() -> UnixMillis + Send + Sync;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.0().to_string()).finish()
    }
}

/// Less than this is drift: the times of what waits are left as they are (semantics §1).
const LARGEST_DRIFT: u64 = 60_000;

/// By how much a wall clock was set, when the moment that the host was started at has become another one by it. `None`:
/// it was not, or by so little that it does not matter.
pub fn jump(booted_at: UnixMillis, now_seems: UnixMillis) -> Option<i64> {
    let by = now_seems.0.saturating_sub(booted_at.0);
    (by.unsigned_abs() > LARGEST_DRIFT).then_some(by)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc_with_milliseconds() {
        assert_eq!(
            UnixMillis(1_700_000_000_007).to_string(),
            "2023-11-14T22:13:20.007Z"
        );
        assert_eq!(UnixMillis(1_700_000_000_007).compact(), "20231114221320");
        assert_eq!(
            UnixMillis(1_700_000_000_999).to_seconds(),
            "2023-11-14T22:13:20Z"
        );
    }

    #[test]
    fn any_offset_is_read() {
        assert_eq!(
            UnixMillis::parse_rfc3339("2023-11-15T06:13:20+08:00"),
            Some(UnixMillis(1_700_000_000_000))
        );
        assert_eq!(UnixMillis::parse_rfc3339("tomorrow"), None);
    }

    #[test]
    fn a_clock_set_back_makes_no_negative_span() {
        assert_eq!(UnixMillis(5).since(UnixMillis(9)), Duration::ZERO);
    }

    #[test]
    fn a_clock_has_jumped_when_it_was_set_by_more_than_a_minute() {
        let booted_at = UnixMillis(1_000_000);
        for (seems, by) in [
            (1_000_000, None),
            (1_060_000, None),
            (940_000, None),
            (1_060_001, Some(60_001)),
            (939_999, Some(-60_001)),
            (1_700_000_000_000, Some(1_699_999_000_000)),
        ] {
            assert_eq!(jump(booted_at, UnixMillis(seems)), by, "{seems}");
        }
    }
}
