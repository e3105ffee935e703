//! **Calendar**: unix milliseconds as the providers write them, and back.

/// A day and a time of day, of no zone.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) hour: u32,
    pub(crate) minute: u32,
    pub(crate) second: u32,
}

/// Beijing, all year.
const BEIJING_MS: u64 = 8 * 3_600_000;

impl Civil {
    fn at(unix_ms: u64) -> Self {
        let seconds = unix_ms / 1000;
        let of_day = (seconds % 86_400) as u32;
        let (year, month, day) = date_of((seconds / 86_400) as i64);
        Self {
            year,
            month,
            day,
            hour: of_day / 3600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    fn unix_ms(self) -> Option<u64> {
        let days = days_before(self.year, self.month, self.day);
        let of_day = i64::from(self.hour * 3600 + self.minute * 60 + self.second);
        u64::try_from((days * 86_400 + of_day) * 1000).ok()
    }
}

/// `Thu, 24 Aug 2023 05:01:45 +0000` (RFC 2822).
pub(crate) fn rfc2822(unix_ms: u64) -> String {
    let c = Civil::at(unix_ms);
    let weekday = WEEKDAYS[(unix_ms / 86_400_000 % 7) as usize];
    let month = MONTHS[c.month as usize - 1];
    format!(
        "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} +0000",
        c.day, c.year, c.hour, c.minute, c.second
    )
}

/// `2023-08-24 13:01:45`, Beijing.
pub(crate) fn beijing(unix_ms: u64) -> String {
    plain(unix_ms + BEIJING_MS)
}

/// `20230824`, Beijing.
pub(crate) fn beijing_day(unix_ms: u64) -> String {
    let c = Civil::at(unix_ms + BEIJING_MS);
    format!("{:04}{:02}{:02}", c.year, c.month, c.day)
}

/// `2023-08-24 05:01:45`, UTC.
pub(crate) fn plain(unix_ms: u64) -> String {
    let c = Civil::at(unix_ms);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
}

/// `2023-08-24T05:01:45Z`.
pub(crate) fn from_iso(text: &str) -> Option<u64> {
    let (day, time) = text.strip_suffix('Z')?.split_once('T')?;
    let of_day = numbers(time, ':', [2, 2, 2])?;
    let [hour, minute, second] = of_day;
    let is_time = hour < 24 && minute < 60 && second < 61;
    is_time.then_some(())?;
    civil(day, of_day)?.unix_ms()
}

/// The first millisecond of `2023-08-24`, UTC.
pub(crate) fn from_day(text: &str) -> Option<u64> {
    civil(text, [0; 3])?.unix_ms()
}

fn civil(day: &str, [hour, minute, second]: [u32; 3]) -> Option<Civil> {
    let [year, month, day] = numbers(day, '-', [4, 2, 2])?;
    let is_day = (1..=12).contains(&month) && (1..=31).contains(&day);
    is_day.then_some(Civil {
        year: year.into(),
        month,
        day,
        hour,
        minute,
        second,
    })
}

fn numbers(text: &str, between: char, lengths: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(between);
    let mut read = [0; 3];
    for (number, length) in read.iter_mut().zip(lengths) {
        let part = parts.next()?;
        let is_plain = part.len() == length && part.bytes().all(|octet| octet.is_ascii_digit());
        *number = is_plain.then(|| part.parse().ok()).flatten()?;
    }
    parts.next().is_none().then_some(read)
}

/// Days since 1970-01-01, after Howard Hinnant's `days_from_civil`.
fn days_before(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let from_march = (i64::from(month) + 9) % 12;
    let of_year = (153 * from_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date_of(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (
        year + era * 400 + i64::from(month <= 2),
        month as u32,
        day as u32,
    )
}

/// 1970-01-01 was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_each_provider_writes_them() {
        // `date -u -d @1692853305`.
        let at = 1_692_853_305_000;
        assert_eq!(rfc2822(at), "Thu, 24 Aug 2023 05:01:45 +0000");
        assert_eq!(beijing(at), "2023-08-24 13:01:45");
        assert_eq!(beijing_day(1_692_806_400_000), "20230824");
        assert_eq!(
            rfc2822(1_709_164_800_000),
            "Thu, 29 Feb 2024 00:00:00 +0000"
        );
    }

    #[test]
    fn what_is_not_a_time_is_none() {
        assert_eq!(from_iso("2023-08-24T05:01:45Z"), Some(1_692_853_305_000));
        assert_eq!(from_day("2026-01-02"), Some(1_767_312_000_000));
        for text in [
            "",
            "2023-08-24",
            "2023-08-24T05:01:45",
            "2023-13-24T05:01:45Z",
            "2023-08-24T5:01:45Z",
        ] {
            assert_eq!(from_iso(text), None, "{text}");
        }
    }
}
