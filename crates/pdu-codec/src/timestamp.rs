//! Time stamps: seven octets of semi-octets, local time and its offset (23.040 §9.2.3.11).
//!
//! Not a clock, and not a calendar beyond what is needed to say which stamps exist.

use alloc::vec::Vec;
use core::fmt;

use crate::semi_octet::{pack_two_digits, two_digits};

/// A date and time as the sender's stamp has it: local, with its offset, never converted.
///
/// ```
/// use pdu_codec::Timestamp;
///
/// let stamp = Timestamp::new(2013, 7, 10, 13, 39, 0, 8).unwrap();
/// assert_eq!(stamp.to_string(), "2013-07-10T13:39:00+02:00");
/// assert_eq!(Timestamp::parse("2013-07-10T13:39:00+02:00"), Some(stamp));
/// assert_eq!(stamp.unix_seconds(), 1_373_456_340);
/// assert_eq!(Timestamp::new(2013, 2, 29, 0, 0, 0, 0), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Timestamp {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    quarter_hours: i8,
}

impl Timestamp {
    /// A stamp, when there is such a date and time and the wire can hold it.
    ///
    /// The wire has two digits for the year, read here as 1990 to 2089, and up to 79 quarters of an hour.
    pub fn new(
        year: u16,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
        quarter_hours: i8,
    ) -> Option<Self> {
        let exists = (1990..=2089).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day)
            && hour <= 23
            && minute <= 59
            && second <= 59
            && (-79..=79).contains(&quarter_hours);
        exists.then_some(Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            quarter_hours,
        })
    }

    /// Reads `YYYY-MM-DDTHH:MM:SS+HH:MM`, the form in which it is displayed and no other.
    pub fn parse(text: &str) -> Option<Self> {
        let octets: &[u8; 25] = text.as_bytes().try_into().ok()?;
        let marks = [4, 7, 10, 13, 16, 22].map(|at| octets[at]);
        if marks != *b"--T:::" {
            return None;
        }
        let [
            century,
            year,
            month,
            day,
            hour,
            minute,
            second,
            hours,
            minutes,
        ] = [0, 2, 5, 8, 11, 14, 17, 20, 23].map(|at| decimal(octets[at], octets[at + 1]));
        let minutes = minutes?;
        if minutes % 15 != 0 || minutes > 45 {
            return None;
        }
        let quarters = i8::try_from(u16::from(hours?) * 4 + u16::from(minutes / 15)).ok()?;
        let quarter_hours = match octets[19] {
            b'+' => quarters,
            b'-' => -quarters,
            _ => return None,
        };
        let year = u16::from(century?) * 100 + u16::from(year?);
        Self::new(year, month?, day?, hour?, minute?, second?, quarter_hours)
    }

    /// The stamp of a moment, at an offset in quarters of an hour.
    pub fn from_unix_seconds(seconds: i64, quarter_hours: i8) -> Option<Self> {
        let local = seconds.checked_add(i64::from(quarter_hours) * 15 * 60)?;
        let (year, month, day) = date(local.div_euclid(86_400))?;
        let of_day = u32::try_from(local.rem_euclid(86_400)).ok()?;
        let [hour, minute, second] =
            [of_day / 3_600, of_day / 60 % 60, of_day % 60].map(|n| u8::try_from(n).ok());
        Self::new(year, month, day, hour?, minute?, second?, quarter_hours)
    }

    /// The moment it names, in seconds since 1970-01-01T00:00:00Z.
    pub fn unix_seconds(&self) -> i64 {
        let days = days_since_1970(self.year, self.month, self.day);
        let of_day =
            i64::from(self.hour) * 3_600 + i64::from(self.minute) * 60 + i64::from(self.second);
        days * 86_400 + of_day - i64::from(self.quarter_hours) * 15 * 60
    }

    /// The year, 1990 to 2089.
    pub fn year(&self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub fn month(&self) -> u8 {
        self.month
    }

    /// The day of the month.
    pub fn day(&self) -> u8 {
        self.day
    }

    /// The hour, 0 to 23.
    pub fn hour(&self) -> u8 {
        self.hour
    }

    /// The minute.
    pub fn minute(&self) -> u8 {
        self.minute
    }

    /// The second, 0 to 59.
    pub fn second(&self) -> u8 {
        self.second
    }

    /// Local time minus universal time, in quarters of an hour.
    pub fn quarter_hours(&self) -> i8 {
        self.quarter_hours
    }

    /// Apart when it is not a date and time that exists, or holds something else than digits.
    pub(crate) fn decode(octets: [u8; 7]) -> Result<Self, InvalidTimestamp> {
        Self::read(octets).ok_or(InvalidTimestamp(octets))
    }

    fn read(octets: [u8; 7]) -> Option<Self> {
        let [year, month, day, hour, minute, second, offset] = octets;
        let year = match u16::from(two_digits(year)?) {
            short @ 90.. => 1900 + short,
            short => 2000 + short,
        };
        // 23.040 §9.2.3.11: the sign is bit 3 of the octet, the highest bit of the tens.
        let quarters = i8::try_from(two_digits(offset & !SIGN)?).ok()?;
        Self::new(
            year,
            two_digits(month)?,
            two_digits(day)?,
            two_digits(hour)?,
            two_digits(minute)?,
            two_digits(second)?,
            if offset & SIGN == 0 {
                quarters
            } else {
                -quarters
            },
        )
    }

    pub(crate) fn write(&self, octets: &mut Vec<u8>) {
        let short = u8::try_from(self.year % 100).unwrap_or_default();
        let fields = [
            short,
            self.month,
            self.day,
            self.hour,
            self.minute,
            self.second,
        ];
        octets.extend(fields.map(pack_two_digits));
        let sign = if self.quarter_hours < 0 { SIGN } else { 0 };
        octets.push(pack_two_digits(self.quarter_hours.unsigned_abs()) | sign);
    }
}

const SIGN: u8 = 0x08;

/// The octets of a stamp that is not a date and time that exists. The message around it is not lost for that.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct InvalidTimestamp(pub [u8; 7]);

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time stamp is not a date and time")
    }
}

impl core::error::Error for InvalidTimestamp {}

/// Writes a stamp as it was read, also one that does not exist.
pub(crate) fn write(stamp: Result<Timestamp, InvalidTimestamp>, octets: &mut Vec<u8>) {
    match stamp {
        Ok(stamp) => stamp.write(octets),
        Err(InvalidTimestamp(raw)) => octets.extend(raw),
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
            ..
        } = self;
        let sign = if self.quarter_hours < 0 { '-' } else { '+' };
        let quarters = self.quarter_hours.unsigned_abs();
        let (hours, minutes) = (quarters / 4, quarters % 4 * 15);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        write!(f, "{sign}{hours:02}:{minutes:02}")
    }
}

fn decimal(tens: u8, ones: u8) -> Option<u8> {
    let both = tens.is_ascii_digit() && ones.is_ascii_digit();
    both.then(|| (tens - b'0') * 10 + (ones - b'0'))
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The rule of centuries: 2000 is the only one among the years of a stamp, and it is a leap year.
fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4)
}

/// Counts from the years themselves: a stamp spans a century, so a loop over at most 2089 - 1970 years is short.
fn days_since_1970(year: u16, month: u8, day: u8) -> i64 {
    let years: i64 = (1970..year).map(days_of_year).sum();
    let months: i64 = (1..month)
        .map(|month| i64::from(days_in(year, month)))
        .sum();
    years + months + i64::from(day) - 1
}

fn days_of_year(year: u16) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn date(days: i64) -> Option<(u16, u8, u8)> {
    let mut left = u32::try_from(days).ok()?;
    let mut year = 1970;
    while year < 2090 {
        let length = u32::try_from(days_of_year(year)).ok()?;
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    for month in 1..=12 {
        let length = u32::from(days_in(year, month));
        if left < length {
            return Some((year, month, u8::try_from(left + 1).ok()?));
        }
        left -= length;
    }
    None
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    #[test]
    fn a_stamp_is_shown_as_it_was_written() {
        let table = [
            (
                [0x11, 0x30, 0x92, 0x91, 0x02, 0x40, 0x61],
                "2011-03-29T19:20:04+04:00",
            ),
            (
                [0x42, 0x60, 0x03, 0x32, 0x95, 0x95, 0x00],
                "2024-06-30T23:59:59+00:00",
            ),
            (
                [0x42, 0x60, 0x03, 0x32, 0x95, 0x95, 0x0A],
                "2024-06-30T23:59:59-05:00",
            ),
            (
                [0x42, 0x60, 0x03, 0x32, 0x95, 0x95, 0x22],
                "2024-06-30T23:59:59+05:30",
            ),
            (
                [0x89, 0x21, 0x22, 0x21, 0x40, 0x14, 0x00],
                "1998-12-22T12:04:41+00:00",
            ),
            (
                [0x00, 0x20, 0x92, 0x00, 0x00, 0x00, 0x97],
                "2000-02-29T00:00:00+19:45",
            ),
        ];
        for (octets, text) in table {
            let stamp = Timestamp::decode(octets).unwrap();
            assert_eq!(stamp.to_string(), text);
            assert_eq!(Timestamp::parse(text), Some(stamp));
            let mut written = vec![];
            stamp.write(&mut written);
            assert_eq!(written, octets, "{text}");
        }
    }

    #[test]
    fn the_sign_of_nothing_is_plus() {
        let stamp = Timestamp::decode([0x42, 0x60, 0x03, 0x32, 0x95, 0x95, 0x08]).unwrap();
        assert_eq!(stamp.to_string(), "2024-06-30T23:59:59+00:00");
    }

    #[test]
    fn what_is_not_a_date_is_no_stamp() {
        for octets in [
            [0xFF; 7],
            [0x00; 7],
            [0x20, 0x13, 0x62, 0x91, 0x73, 0x14, 0x48],
            [0x32, 0x20, 0x92, 0x00, 0x00, 0x00, 0x00],
            [0x42, 0x40, 0x13, 0x00, 0x00, 0x00, 0x00],
            [0x42, 0x40, 0x10, 0x42, 0x00, 0x00, 0x00],
            [0x42, 0x40, 0x10, 0x00, 0x06, 0x00, 0x00],
            [0x42, 0x40, 0x10, 0x00, 0x00, 0x06, 0x00],
            [0x42, 0x40, 0x10, 0x00, 0x00, 0x00, 0xA0],
        ] {
            assert_eq!(
                Timestamp::decode(octets),
                Err(InvalidTimestamp(octets)),
                "{octets:02X?}"
            );
        }
    }

    #[test]
    fn a_stamp_is_one_moment() {
        let table = [
            ("1990-01-01T00:00:00+00:00", 631_152_000),
            ("2000-02-29T12:00:00+00:00", 951_825_600),
            ("2024-03-15T10:20:30+01:00", 1_710_494_430),
            ("2024-12-31T23:59:59-05:00", 1_735_707_599),
            ("2089-12-31T23:59:59+00:00", 3_786_911_999),
        ];
        for (text, seconds) in table {
            let stamp = Timestamp::parse(text).unwrap();
            assert_eq!(stamp.unix_seconds(), seconds, "{text}");
            let back = Timestamp::from_unix_seconds(seconds, stamp.quarter_hours());
            assert_eq!(back, Some(stamp));
        }
        assert_eq!(Timestamp::from_unix_seconds(0, 0), None);
        assert_eq!(Timestamp::from_unix_seconds(i64::MAX, 79), None);
        assert_eq!(Timestamp::from_unix_seconds(3_786_912_000, 0), None);
    }

    #[test]
    fn only_the_one_form_is_read() {
        for text in [
            "",
            "2024-03-15T10:20:30Z",
            "2024-03-15 10:20:30+01:00",
            "2024-03-15T10:20:30+01:10",
            "2024-03-15T10:20:30+20:00",
            "2024-03-15T10:20:30+00:60",
            "2024-03-15T1a:20:30+01:00",
            "2024-13-15T10:20:30+01:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_stamp_has_its_fields() {
        let stamp = Timestamp::decode([0x11, 0x30, 0x92, 0x91, 0x02, 0x40, 0x69]).unwrap();
        let date = (stamp.year(), stamp.month(), stamp.day());
        assert_eq!(date, (2011, 3, 29));
        let time = (stamp.hour(), stamp.minute(), stamp.second());
        assert_eq!(time, (19, 20, 4));
        assert_eq!(stamp.quarter_hours(), -16);
        assert_eq!(
            InvalidTimestamp([0xFF; 7]).to_string(),
            "the time stamp is not a date and time"
        );
    }

    #[test]
    fn a_moment_that_no_stamp_can_hold_has_none() {
        for seconds in [
            -1,
            631_151_999,
            3_786_912_000,
            5_000_000_000,
            i64::MIN,
            i64::MAX,
        ] {
            assert_eq!(Timestamp::from_unix_seconds(seconds, 0), None, "{seconds}");
        }
        let first = Timestamp::from_unix_seconds(631_152_000, 0).unwrap();
        assert_eq!(first.to_string(), "1990-01-01T00:00:00+00:00");
        let last = Timestamp::from_unix_seconds(3_786_911_999, 0).unwrap();
        assert_eq!(last.to_string(), "2089-12-31T23:59:59+00:00");
        assert_eq!(Timestamp::parse("2013-07-10T13:39:00*02:00"), None);
    }
}
