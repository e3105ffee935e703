//! What the owner of a number wants to be told, and when (semantics §9). It decides about alerts with a severity.

use jiff::tz::TimeZone;

use super::{QuietHours, Severity, TimeOfDay, UnixMillis};

/// One number's wishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Preferences {
    pub sms_enabled: bool,
    /// Kept for whoever sends mails; nothing here does.
    pub email_enabled: bool,
    pub min_severity: Severity,
    pub quiet: QuietHours,
}

/// Why an alert is not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Skip {
    SmsDisabled,
    BelowMinSeverity,
    QuietHours,
}

impl Skip {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SmsDisabled => "sms_disabled",
            Self::BelowMinSeverity => "below_min_severity",
            Self::QuietHours => "quiet_hours",
        }
    }
}

impl Preferences {
    /// Those of a number that has none of its own.
    pub fn usual(zone: TimeZone) -> Self {
        let time = |text| TimeOfDay::parse(text).expect("it is written here");
        Self {
            sms_enabled: true,
            email_enabled: true,
            min_severity: Severity::Medium,
            quiet: QuietHours {
                start: time("22:00"),
                end: time("08:00"),
                zone,
            },
        }
    }

    /// `None`: an alert of this severity that goes out at this moment is welcome.
    pub fn skip(&self, severity: Severity, at: UnixMillis) -> Option<Skip> {
        if !self.sms_enabled {
            return Some(Skip::SmsDisabled);
        }
        if severity < self.min_severity {
            return Some(Skip::BelowMinSeverity);
        }
        let is_quiet = severity != Severity::Critical && self.quiet.until(at).is_some();
        is_quiet.then_some(Skip::QuietHours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_skipped_for_the_first_reason_there_is() {
        use Severity::*;
        let (night, day) = ("2026-03-01T23:00:00Z", "2026-03-01T12:00:00Z");
        for (enabled, severity, at, skip) in [
            (false, Critical, day, Some(Skip::SmsDisabled)),
            (false, Low, night, Some(Skip::SmsDisabled)),
            (true, Low, day, Some(Skip::BelowMinSeverity)),
            (true, Low, night, Some(Skip::BelowMinSeverity)),
            (true, Medium, day, None),
            (true, Medium, night, Some(Skip::QuietHours)),
            (true, High, night, Some(Skip::QuietHours)),
            (true, Critical, night, None),
        ] {
            let preferences = Preferences {
                sms_enabled: enabled,
                ..Preferences::usual(TimeZone::UTC)
            };
            let at = UnixMillis::parse_rfc3339(at).unwrap();
            assert_eq!(preferences.skip(severity, at), skip, "{severity:?}");
        }
    }
}
