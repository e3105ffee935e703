//! How many parts a SIM may still send this hour, this day, this month, and when that begins anew.
//!
//! Pure: what was sent, by hour since 1970, and a moment go in. Days and months are those of `server.timezone`; an
//! hour that a day begins in the middle of counts as a whole for it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::domain::UnixMillis;

/// The quotas of the modem's section; `None`: there is none.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    pub(crate) hour: Option<u32>,
    pub(crate) day: Option<u32>,
    pub(crate) month: Option<u32>,
    /// The day of the month on which it begins anew, 1 to 28.
    pub(crate) reset_day: i8,
    pub(crate) zone: TimeZone,
}

/// Parts by hour since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Usage(BTreeMap<i64, u32>);

/// What is left; `None`: as many as there are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Left {
    pub(crate) hour: Option<u32>,
    pub(crate) day: Option<u32>,
    pub(crate) month: Option<u32>,
}

const MILLIS_PER_HOUR: i64 = 3_600_000;

impl Quota {
    pub(super) fn is_none(&self) -> bool {
        self.hour.is_none() && self.day.is_none() && self.month.is_none()
    }

    /// `under_way`: parts that are about to be counted.
    pub(super) fn left(&self, usage: &Usage, under_way: u32, now: UnixMillis) -> Left {
        let left = |quota: Option<u32>, since: UnixMillis| {
            quota.map(|quota| quota.saturating_sub(usage.since(since) + under_way))
        };
        Left {
            hour: left(self.hour, this_hour(now)),
            day: left(self.day, self.day_began(now)),
            month: left(self.month, self.month_began(now)),
        }
    }

    /// Until when nothing more may be sent; `None`: something may.
    pub(super) fn used_up_until(
        &self,
        usage: &Usage,
        under_way: u32,
        now: UnixMillis,
    ) -> Option<UnixMillis> {
        let left = self.left(usage, under_way, now);
        let hour = left
            .hour
            .filter(|left| *left == 0)
            .map(|_| UnixMillis(this_hour(now).0 + MILLIS_PER_HOUR));
        let day = left.day.filter(|left| *left == 0).map(|_| {
            let today = self.date(now);
            self.midnight(today.saturating_add(1.day()))
        });
        let month = left.month.filter(|left| *left == 0).map(|_| {
            let began = self.month_began_on(now);
            self.midnight(began.saturating_add(1.month()))
        });
        [hour, day, month].into_iter().flatten().max()
    }

    fn date(&self, at: UnixMillis) -> Date {
        let timestamp = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        timestamp.to_zoned(self.zone.clone()).date()
    }

    /// The first moment of this date; a midnight that a clock skips is the moment after it.
    fn midnight(&self, date: Date) -> UnixMillis {
        let zoned = date.to_zoned(self.zone.clone());
        UnixMillis(zoned.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond()))
    }

    fn day_began(&self, now: UnixMillis) -> UnixMillis {
        self.midnight(self.date(now))
    }

    fn month_began(&self, now: UnixMillis) -> UnixMillis {
        self.midnight(self.month_began_on(now))
    }

    fn month_began_on(&self, now: UnixMillis) -> Date {
        let today = self.date(now);
        let day = self.reset_day.clamp(1, 28);
        let of_this_month = today.with().day(day).build().unwrap_or(today);
        match of_this_month <= today {
            true => of_this_month,
            false => of_this_month.saturating_sub(1.month()),
        }
    }
}

impl Usage {
    pub(super) fn of(hours: Vec<(i64, u32)>) -> Self {
        Self(hours.into_iter().collect())
    }

    pub(super) fn count(&mut self, at: UnixMillis) {
        *self.0.entry(at.0.div_euclid(MILLIS_PER_HOUR)).or_default() += 1;
    }

    /// A part that was counted at this time has not left.
    pub(super) fn uncount(&mut self, at: UnixMillis) {
        if let Some(parts) = self.0.get_mut(&at.0.div_euclid(MILLIS_PER_HOUR)) {
            *parts = parts.saturating_sub(1);
        }
    }

    fn since(&self, at: UnixMillis) -> u32 {
        self.0
            .range(at.0.div_euclid(MILLIS_PER_HOUR)..)
            .map(|(_, parts)| parts)
            .sum()
    }
}

fn this_hour(now: UnixMillis) -> UnixMillis {
    UnixMillis(now.0.div_euclid(MILLIS_PER_HOUR) * MILLIS_PER_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis::parse_rfc3339(text).unwrap()
    }

    fn quota(hour: u32, day: u32, month: u32) -> Quota {
        let some = |number| (number != 0).then_some(number);
        Quota {
            hour: some(hour),
            day: some(day),
            month: some(month),
            reset_day: 15,
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        }
    }

    fn sent(times: &[(&str, u32)]) -> Usage {
        let mut usage = Usage::default();
        for (time, parts) in times {
            (0..*parts).for_each(|_| usage.count(at(time)));
        }
        usage
    }

    #[test]
    fn each_quota_begins_anew_at_its_own_time() {
        let now = "2026-11-20T18:30:00+08:00";
        for (quota, usage, until) in [
            (
                quota(3, 0, 0),
                sent(&[(now, 3)]),
                Some("2026-11-20T19:00:00+08:00"),
            ),
            (
                quota(3, 0, 0),
                sent(&[("2026-11-20T17:59:59+08:00", 9)]),
                None,
            ),
            (
                quota(0, 3, 0),
                sent(&[("2026-11-20T00:10:00+08:00", 3)]),
                Some("2026-11-21T00:00:00+08:00"),
            ),
            (
                quota(0, 3, 0),
                sent(&[("2026-11-19T23:50:00+08:00", 9)]),
                None,
            ),
            (
                quota(0, 0, 3),
                sent(&[("2026-11-15T00:10:00+08:00", 3)]),
                Some("2026-12-15T00:00:00+08:00"),
            ),
            (
                quota(0, 0, 3),
                sent(&[("2026-11-14T23:10:00+08:00", 9)]),
                None,
            ),
            // The longest counts.
            (
                quota(1, 3, 0),
                sent(&[(now, 3)]),
                Some("2026-11-21T00:00:00+08:00"),
            ),
            (quota(0, 0, 0), sent(&[(now, 99)]), None),
        ] {
            assert_eq!(
                quota.used_up_until(&usage, 0, at(now)),
                until.map(at),
                "{usage:?}"
            );
        }
    }

    #[test]
    fn the_month_begins_on_its_day_and_not_on_the_first() {
        let usage = sent(&[("2026-10-20T12:00:00+08:00", 2)]);
        let left = |now| quota(0, 0, 5).left(&usage, 0, at(now)).month;
        assert_eq!(left("2026-11-14T23:59:00+08:00"), Some(3));
        assert_eq!(left("2026-11-15T00:00:00+08:00"), Some(5));
    }

    #[test]
    fn parts_under_way_count_and_those_that_never_left_do_not() {
        let now = at("2026-11-20T18:30:00+08:00");
        let mut usage = sent(&[("2026-11-20T18:10:00+08:00", 2)]);
        let quota = quota(3, 0, 0);
        assert_eq!(quota.left(&usage, 0, now).hour, Some(1));
        assert!(quota.used_up_until(&usage, 1, now).is_some());
        usage.uncount(at("2026-11-20T18:10:00+08:00"));
        assert_eq!(quota.left(&usage, 1, now).hour, Some(1));
    }
}
