//! The time of Beijing, in which the providers of the mainland write: eight hours east of Greenwich, all year.
//!
//! Never: reads a clock.

use std::time::Duration;

use crate::domain::UnixMillis;

const OFFSET: Duration = Duration::from_secs(8 * 3600);

/// `yyyyMMdd`.
pub(crate) fn date(at: UnixMillis) -> String {
    at.plus(OFFSET).compact()[..8].to_owned()
}

/// Reads `2026-11-20 18:53:08`.
pub(crate) fn time(text: &str) -> Option<UnixMillis> {
    let (date, time) = text.trim().split_once(' ')?;
    UnixMillis::parse_rfc3339(&format!("{date}T{time}+08:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_in_beijing_eight_hours_before_it_begins_in_greenwich() {
        for (at, day) in [
            ("2026-01-02T15:59:59Z", "20260102"),
            ("2026-01-02T16:00:00Z", "20260103"),
        ] {
            assert_eq!(date(UnixMillis::parse_rfc3339(at).unwrap()), day);
        }
        assert_eq!(
            time("2026-01-03 00:00:00"),
            UnixMillis::parse_rfc3339("2026-01-02T16:00:00Z")
        );
        for text in [
            "",
            "2026-01-03",
            "2026-01-03 24:61:00",
            "Z Z",
            "2026-01-03 00:00:00Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
