//! How long a provider asks to be left alone (`Retry-After`, RFC 9110 §10.2.3).
//!
//! Never: reads a clock; a date is held against the `Date` of the same answer.

use std::time::Duration;

use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// A longer wait is a mistake or an attack.
const LONGEST: Duration = Duration::from_secs(86_400);

pub(crate) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let told = text(headers, header::RETRY_AFTER)?;
    let wait = match told.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let span = moment(told)?.duration_since(moment(text(headers, header::DATE)?)?);
            span.try_into().ok()?
        }
    };
    Some(wait.min(LONGEST))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn moment(text: &str) -> Option<Timestamp> {
    rfc2822::parse(text).ok().map(|moment| moment.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_understood_and_a_day_is_enough() {
        let asked = |retry_after: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::DATE,
                "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap(),
            );
            headers.insert(header::RETRY_AFTER, retry_after.parse().unwrap());
            super::asked(&headers).map(|wait| wait.as_secs())
        };
        assert_eq!(asked("120"), Some(120));
        assert_eq!(asked("99999999"), Some(86_400));
        assert_eq!(asked("Wed, 21 Oct 2026 07:29:30 GMT"), Some(90));
        assert_eq!(asked("Wed, 21 Oct 2026 07:27:00 GMT"), None);
        assert_eq!(asked("-1"), None);
        assert_eq!(asked("soon"), None);
    }
}
