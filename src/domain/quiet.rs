//! Hours in which somebody is not to be disturbed (semantics §9).
//!
//! Pure: a moment goes in; whether it is quiet then, and until when, comes out. What counts is what a clock on the
//! wall of that time zone shows: an hour that the zone repeats is quiet twice or not at all, one that it skips is not
//! there.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};

use super::{Category, UnixMillis};

/// A time of day, to the minute.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// `HH:MM`, 00:00 to 23:59.
    pub fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |digits: &str, most: u16| {
            let plain = digits.len() == 2 && digits.bytes().all(|octet| octet.is_ascii_digit());
            let number: u16 = digits.parse().ok().filter(|_| plain)?;
            (number <= most).then_some(number)
        };
        Some(Self {
            minutes: number(hour, 23)? * 60 + number(minute, 59)?,
        })
    }

    /// Minutes since midnight; `None` when a day does not have so many.
    pub fn of_minutes(minutes: u16) -> Option<Self> {
        (minutes < 24 * 60).then_some(Self { minutes })
    }

    pub fn minutes(self) -> u16 {
        self.minutes
    }

    fn on(self, date: Date) -> DateTime {
        // Both are in range: there are 24 hours of 60 minutes in `minutes`.
        let (hour, minute) = (self.minutes / 60, self.minutes % 60);
        let small = |number: u16| i8::try_from(number).unwrap_or(0);
        date.at(small(hour), small(minute), 0, 0)
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

/// From `start` to before `end`, every day; over midnight when `start` is the later one; never when they are equal.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietHours {
    pub start: TimeOfDay,
    pub end: TimeOfDay,
    pub zone: TimeZone,
}

impl QuietHours {
    /// Until when it is quiet, if it is quiet at `now`.
    pub fn until(&self, now: UnixMillis) -> Option<UnixMillis> {
        let now = timestamp(now);
        match self.is_quiet(now) {
            true => self.next(now, |is_quiet| !is_quiet),
            false => None,
        }
    }

    /// When it is quiet again; `None`: never, or it is quiet now.
    pub fn begin_after(&self, now: UnixMillis) -> Option<UnixMillis> {
        let now = timestamp(now);
        match self.is_quiet(now) {
            true => None,
            false => self.next(now, |is_quiet| is_quiet),
        }
    }

    fn is_quiet(&self, at: Timestamp) -> bool {
        let time = self.zone.to_datetime(at).time();
        let minutes = u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute()));
        let (minutes, start, end) = (minutes.unwrap_or(0), self.start.minutes, self.end.minutes);
        match start <= end {
            true => (start..end).contains(&minutes),
            false => minutes >= start || minutes < end,
        }
    }

    /// The first moment after `now` at which what is wanted begins to hold. It can only be where the wall clock shows
    /// one of the two times, or where the zone puts the wall clock forward or back.
    fn next(&self, now: Timestamp, is_wanted: impl Fn(bool) -> bool) -> Option<UnixMillis> {
        // A zone may leave out a whole day: Pacific/Apia has no 2011-12-30.
        const DAYS: usize = 4;
        let today = self.zone.to_datetime(now).date();
        let days = std::iter::successors(today.yesterday().ok(), |date| date.tomorrow().ok());
        let shown = days
            .take(DAYS)
            .flat_map(|date| [self.start.on(date), self.end.on(date)])
            .flat_map(|time| self.moments_of(time));
        let set = self.zone.following(now).map(|one| one.timestamp()).take(2);
        let mut moments: Vec<Timestamp> = shown.chain(set).filter(|at| *at > now).collect();
        moments.sort_unstable();
        let found = moments.into_iter().find(|at| is_wanted(self.is_quiet(*at)));
        found.map(|at| UnixMillis(at.as_millisecond()))
    }

    /// When the wall clock shows this time: once, twice, or never.
    fn moments_of(&self, time: DateTime) -> impl Iterator<Item = Timestamp> {
        let offsets = match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => [Some(offset), None],
            AmbiguousOffset::Gap { .. } => [None, None],
            AmbiguousOffset::Fold { before, after } => [Some(before), Some(after)],
        };
        let offsets = offsets.into_iter().flatten();
        offsets.filter_map(move |offset| offset.to_timestamp(time).ok())
    }
}

/// `[quiet]`: the hours in which some categories wait, whoever the text is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curfew {
    pub hours: Option<QuietHours>,
    pub categories: Vec<Category>,
}

impl Curfew {
    /// What may have to wait: otp, transactional and alert never do.
    pub const CATEGORIES: [Category; 2] = [Category::Notification, Category::Bulk];

    /// Until when a message of this category waits that would go out at this moment.
    pub fn until(&self, category: Category, at: UnixMillis) -> Option<UnixMillis> {
        let hours = self.hours.as_ref()?;
        match self.categories.contains(&category) {
            true => hours.until(at),
            false => None,
        }
    }

    pub fn is_on(&self, at: UnixMillis) -> bool {
        let hours = self.hours.as_ref();
        hours.is_some_and(|hours| hours.until(at).is_some())
    }

    /// When it is the other way round than now.
    pub fn changes_after(&self, now: UnixMillis) -> Option<UnixMillis> {
        let hours = self.hours.as_ref()?;
        hours.until(now).or_else(|| hours.begin_after(now))
    }
}

fn timestamp(at: UnixMillis) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(start: &str, end: &str, zone: &str) -> QuietHours {
        QuietHours {
            start: TimeOfDay::parse(start).unwrap(),
            end: TimeOfDay::parse(end).unwrap(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> UnixMillis {
        UnixMillis::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn a_time_of_day_has_two_digits_twice() {
        for (text, minutes) in [("00:00", 0), ("08:05", 485), ("23:59", 1439)] {
            let time = TimeOfDay::parse(text).unwrap();
            assert_eq!(time.minutes(), minutes);
            assert_eq!(time.to_string(), text);
        }
        for text in [
            "", "8:00", "24:00", "12:60", "12", "12:0", "+1:00", "12:00:00", " 12:00",
        ] {
            assert_eq!(TimeOfDay::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn quiet_is_from_the_start_to_before_the_end() {
        let table = [
            // Over midnight; Shanghai is eight hours ahead.
            ("22:00", "08:00", "2026-03-01T21:59:59.999+08:00", None),
            (
                "22:00",
                "08:00",
                "2026-03-01T22:00:00+08:00",
                Some("2026-03-02T08:00:00+08:00"),
            ),
            (
                "22:00",
                "08:00",
                "2026-03-02T00:00:00+08:00",
                Some("2026-03-02T08:00:00+08:00"),
            ),
            (
                "22:00",
                "08:00",
                "2026-03-02T07:59:59.999+08:00",
                Some("2026-03-02T08:00:00+08:00"),
            ),
            ("22:00", "08:00", "2026-03-02T08:00:00+08:00", None),
            // Within a day.
            ("12:30", "14:00", "2026-03-01T12:29:59+08:00", None),
            (
                "12:30",
                "14:00",
                "2026-03-01T12:30:00+08:00",
                Some("2026-03-01T14:00:00+08:00"),
            ),
            ("12:30", "14:00", "2026-03-01T14:00:00+08:00", None),
            // To midnight, and from it.
            (
                "22:00",
                "00:00",
                "2026-03-01T23:00:00+08:00",
                Some("2026-03-02T00:00:00+08:00"),
            ),
            (
                "00:00",
                "06:00",
                "2026-03-01T00:00:00+08:00",
                Some("2026-03-01T06:00:00+08:00"),
            ),
            // Equal: never.
            ("00:00", "00:00", "2026-03-01T00:00:00+08:00", None),
            ("22:00", "22:00", "2026-03-01T22:00:00+08:00", None),
        ];
        for (start, end, now, until) in table {
            let quiet = hours(start, end, "Asia/Shanghai");
            assert_eq!(
                quiet.until(at(now)),
                until.map(at),
                "{start}-{end} at {now}"
            );
        }
    }

    #[test]
    fn quiet_begins_again_the_next_day_and_never_when_start_is_end() {
        let quiet = hours("22:00", "08:00", "Asia/Shanghai");
        let begins = quiet.begin_after(at("2026-03-02T08:00:00+08:00"));
        assert_eq!(begins, Some(at("2026-03-02T22:00:00+08:00")));
        assert_eq!(quiet.begin_after(at("2026-03-02T23:00:00+08:00")), None);
        let never = hours("22:00", "22:00", "Asia/Shanghai");
        assert_eq!(never.begin_after(at("2026-03-02T08:00:00+08:00")), None);
    }

    // Berlin puts its clocks from 02:00 to 03:00 on 2026-03-29 and from 03:00 back to 02:00 on 2026-10-25.
    #[test]
    fn hours_that_a_zone_skips_or_repeats_follow_the_clock_on_the_wall() {
        let table = [
            // The end is skipped: quiet ends when the clock jumps over it.
            (
                "22:00",
                "02:30",
                "2026-03-29T01:59:00+01:00",
                Some("2026-03-29T03:00:00+02:00"),
            ),
            // The start is skipped: quiet begins with the jump.
            (
                "02:30",
                "06:00",
                "2026-03-29T03:00:00+02:00",
                Some("2026-03-29T06:00:00+02:00"),
            ),
            // All of it is skipped.
            ("02:00", "03:00", "2026-03-29T03:00:00+02:00", None),
            // An hour shorter, an hour longer.
            (
                "22:00",
                "08:00",
                "2026-03-28T22:00:00+01:00",
                Some("2026-03-29T08:00:00+02:00"),
            ),
            (
                "22:00",
                "08:00",
                "2026-10-24T22:00:00+02:00",
                Some("2026-10-25T08:00:00+01:00"),
            ),
            // The end is shown twice: quiet ends at the first, and comes back with the repeated hour.
            (
                "22:00",
                "02:30",
                "2026-10-25T02:29:00+02:00",
                Some("2026-10-25T02:30:00+02:00"),
            ),
            ("22:00", "02:30", "2026-10-25T02:45:00+02:00", None),
            (
                "22:00",
                "02:30",
                "2026-10-25T02:00:00+01:00",
                Some("2026-10-25T02:30:00+01:00"),
            ),
            // The start is shown twice: the repeated hour before it is not quiet.
            (
                "02:30",
                "06:00",
                "2026-10-25T02:30:00+02:00",
                Some("2026-10-25T02:00:00+01:00"),
            ),
            ("02:30", "06:00", "2026-10-25T02:15:00+01:00", None),
            (
                "02:30",
                "06:00",
                "2026-10-25T02:30:00+01:00",
                Some("2026-10-25T06:00:00+01:00"),
            ),
        ];
        for (start, end, now, until) in table {
            let quiet = hours(start, end, "Europe/Berlin");
            assert_eq!(
                quiet.until(at(now)),
                until.map(at),
                "{start}-{end} at {now}"
            );
        }
        let skipped = hours("02:30", "06:00", "Europe/Berlin");
        assert_eq!(
            skipped.begin_after(at("2026-03-29T01:00:00+01:00")),
            Some(at("2026-03-29T03:00:00+02:00"))
        );
        let repeated = hours("22:00", "02:30", "Europe/Berlin");
        assert_eq!(
            repeated.begin_after(at("2026-10-25T02:45:00+02:00")),
            Some(at("2026-10-25T02:00:00+01:00"))
        );
    }

    const MINUTE: i64 = 60_000;

    proptest::proptest! {
        #[test]
        fn quiet_ends_and_begins_at_the_first_minute_that_is_otherwise(
            start in 0u16..1440,
            end in 0u16..1440,
            // Two years of minutes from 2026 on.
            minute in 0i64..1_051_200,
            zone in proptest::sample::select(vec![
                // Lord Howe moves by half an hour; Cairo and Santiago at midnight.
                "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo",
                "America/Santiago", "Asia/Kathmandu",
            ]),
        ) {
            let quiet = QuietHours {
                start: TimeOfDay::of_minutes(start).unwrap(),
                end: TimeOfDay::of_minutes(end).unwrap(),
                zone: TimeZone::get(zone).unwrap(),
            };
            let now = at("2026-01-01T00:00:00Z").0 + minute * MINUTE;
            let is_quiet = |moment: i64| quiet.until(UnixMillis(moment)).is_some();
            let first = |wanted: bool| {
                let minutes = (1..=3 * 1440).map(|minutes| now + minutes * MINUTE);
                minutes.into_iter().find(|moment| is_quiet(*moment) == wanted).map(UnixMillis)
            };
            let (until, begins) = (quiet.until(UnixMillis(now)), quiet.begin_after(UnixMillis(now)));
            match is_quiet(now) {
                true => proptest::prop_assert_eq!((until, begins), (first(false), None)),
                false => proptest::prop_assert_eq!((until, begins), (None, first(true))),
            }
        }
    }
}
