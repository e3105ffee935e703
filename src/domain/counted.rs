//! What a message counts as for its number: in which logs it stands that limits are asked of (semantics §8).
//!
//! Pure: a set, and the whole number that the store keeps of it. Whether a limit holds for a log is not known here.

use super::{ProfileName, Purpose};

/// One log of what was sent to a number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NumberLog {
    /// Group A.
    Notify,
    /// `/sms/send` and `/v1`, whatever is no alert.
    Direct,
    /// Alerts that are not critical.
    Alert,
    /// Codes and notifications of all surfaces together.
    Ceiling,
    /// Codes of one profile for one purpose.
    Code(ProfileName, Purpose),
}

/// The logs in which one message stands: at most one of codes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CountedAs(i64);

/// What is stored: a bit for each of the first four logs, and above them the log of codes, from 1; 0 is none. Numbers that
/// are stored once mean the same for ever: what comes later is added at the end.
const CODE: i64 = 16;
const PURPOSES: i64 = 32;

impl NumberLog {
    /// Whether what stands in it may be counted later than it was asked for: then, when it is to be sent.
    pub fn may_be_later(self) -> bool {
        matches!(self, Self::Notify | Self::Ceiling)
    }

    fn stored(self) -> i64 {
        match self {
            Self::Notify => 1,
            Self::Direct => 2,
            Self::Alert => 4,
            Self::Ceiling => 8,
            Self::Code(profile, purpose) => {
                CODE * (1 + place_of_profile(profile) * PURPOSES + place_of_purpose(purpose))
            }
        }
    }
}

impl CountedAs {
    pub fn with(self, log: NumberLog) -> Self {
        Self(self.0 | log.stored())
    }

    pub fn is_in(self, log: NumberLog) -> bool {
        let stored = log.stored();
        match stored < CODE {
            true => self.0 & stored != 0,
            false => self.0 / CODE * CODE == stored,
        }
    }

    /// It stands in none.
    pub fn is_nothing(self) -> bool {
        self.0 == 0
    }

    /// As it is stored: 0 or more.
    pub fn stored(self) -> i64 {
        self.0
    }

    pub fn from_stored(stored: i64) -> Self {
        Self(stored)
    }

    /// All that is stored of it but the log of codes: a mask.
    pub const BUT_CODES: i64 = CODE - 1;
}

fn place_of_profile(profile: ProfileName) -> i64 {
    match profile {
        ProfileName::SmsRegistration => 0,
        ProfileName::SmsLogin => 1,
        ProfileName::SmsPasswordReset => 2,
        ProfileName::SmsPayment => 3,
        ProfileName::SmsDeviceOperation => 4,
        ProfileName::Otp => 5,
        ProfileName::V1 => 6,
    }
}

/// Less than [`PURPOSES`].
fn place_of_purpose(purpose: Purpose) -> i64 {
    match purpose {
        Purpose::Registration => 0,
        Purpose::Login => 1,
        Purpose::PasswordReset => 2,
        Purpose::Payment => 3,
        Purpose::DeviceOperation => 4,
        Purpose::BindEmail => 5,
        Purpose::BindPhone => 6,
        Purpose::Withdraw => 7,
        Purpose::TwoFactor => 8,
        Purpose::Generic => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<NumberLog> {
        let plain = [
            NumberLog::Notify,
            NumberLog::Direct,
            NumberLog::Alert,
            NumberLog::Ceiling,
        ];
        let codes = ProfileName::ALL
            .into_iter()
            .flat_map(|profile| Purpose::ALL.map(|purpose| NumberLog::Code(profile, purpose)));
        plain.into_iter().chain(codes).collect()
    }

    #[test]
    fn a_message_stands_in_the_logs_that_were_named_and_in_no_other() {
        for one in all() {
            let counted = CountedAs::default().with(one);
            let with_ceiling = counted.with(NumberLog::Ceiling);
            for other in all() {
                assert_eq!(counted.is_in(other), one == other, "{one:?} {other:?}");
                let expected = one == other || other == NumberLog::Ceiling;
                assert_eq!(with_ceiling.is_in(other), expected, "{one:?} {other:?}");
            }
        }
        assert!(all().iter().all(|log| !CountedAs::default().is_in(*log)));
    }

    #[test]
    fn what_is_stored_once_means_the_same_for_ever() {
        let code = NumberLog::Code(ProfileName::V1, Purpose::Login);
        for (log, stored) in [
            (NumberLog::Notify, 1),
            (NumberLog::Direct, 2),
            (NumberLog::Alert, 4),
            (NumberLog::Ceiling, 8),
            (
                NumberLog::Code(ProfileName::SmsRegistration, Purpose::Registration),
                16,
            ),
            (code, 16 * (1 + 6 * 32 + 1)),
        ] {
            assert_eq!(CountedAs::default().with(log).stored(), stored, "{log:?}");
        }
    }

    #[test]
    fn without_its_code_a_message_stands_in_what_is_left() {
        let both = CountedAs::default()
            .with(NumberLog::Ceiling)
            .with(NumberLog::Code(ProfileName::Otp, Purpose::Generic));
        let left = CountedAs::from_stored(both.stored() & CountedAs::BUT_CODES);
        assert_eq!(left, CountedAs::default().with(NumberLog::Ceiling));
    }
}
