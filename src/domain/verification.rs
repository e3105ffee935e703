//! A verification: what a code is for, how long it lives, how often it may be tried, and how it ends (semantics §7).
//!
//! Pure tables. The store guards each step; what a verification was created with stays with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::UnixMillis;
use super::id::uuid_v7;
use super::limit::Limit;
use super::texts::Texts;
use super::wording::Locale;

/// What callers know a verification by: `ver_` + a UUID of version 7.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct VerificationId(Arc<str>);

const LONGEST_ID: usize = 64;

/// Where a verification stands. Only the first leads on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum VerificationState {
    Pending,
    Approved,
    Expired,
    Canceled,
    MaxAttemptsReached,
}

/// What the person proves the number for. A code for one purpose is none for another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Purpose {
    Registration,
    Login,
    PasswordReset,
    Payment,
    DeviceOperation,
    BindEmail,
    BindPhone,
    Withdraw,
    TwoFactor,
    Generic,
}

/// What sending a code again does to the one before.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Resend {
    /// A new code; the old one is dead and attempts begin anew.
    Replace,
    /// A new code beside those that live; all share one counter of attempts.
    Keep,
    /// The same code with the same end.
    SameCode,
}

/// The rules of one surface, by the name that `[verify.profile.NAME]` has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ProfileName {
    SmsRegistration,
    SmsLogin,
    SmsPasswordReset,
    SmsPayment,
    SmsDeviceOperation,
    Otp,
    V1,
}

/// What a verification is created with.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub ttl: Duration,
    pub attempts: u8,
    pub resend: Resend,
    /// Sends per number.
    pub limits: Vec<Limit>,
}

/// `[verify]`: by which rules codes are made, and what they are sent in.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeRules {
    /// In the order of [`ProfileName::ALL`].
    pub profiles: [Profile; 7],
    /// Digits, where the caller does not ask for others.
    pub code_length: u8,
    /// Of group G, where the caller does not name one.
    pub default_locale: Locale,
    pub texts: Texts,
}

/// Live codes of one key under [`Resend::Keep`].
pub const MOST_KEPT: u8 = 3;

impl VerificationId {
    /// `tail`: random octets.
    pub fn new(at: UnixMillis, tail: [u8; 10]) -> Self {
        Self(format!("ver_{}", uuid_v7(at, tail)).into())
    }

    /// Reads what a caller sent as an id; `None` for what can never have been one.
    pub fn parse(raw: &str) -> Option<Self> {
        let tail = raw.strip_prefix("ver_")?;
        let plausible = raw.len() <= LONGEST_ID
            && tail
                .bytes()
                .all(|octet| octet.is_ascii_hexdigit() || octet == b'-');
        plausible.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VerificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl CodeRules {
    pub fn profile(&self, name: ProfileName) -> &Profile {
        let place = ProfileName::ALL.iter().position(|one| *one == name);
        &self.profiles[place.expect("every profile is in the list of all")]
    }
}

impl VerificationState {
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Approved,
        Self::Expired,
        Self::Canceled,
        Self::MaxAttemptsReached,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Expired => "expired",
            Self::Canceled => "canceled",
            Self::MaxAttemptsReached => "max_attempts_reached",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// As it stands at `now`: what nobody has closed yet is over at its end all the same. The end itself is too late.
    #[must_use]
    pub fn at(self, expires_at: UnixMillis, now: UnixMillis) -> Self {
        match self == Self::Pending && now >= expires_at {
            true => Self::Expired,
            false => self,
        }
    }
}

impl Purpose {
    pub const ALL: [Self; 10] = [
        Self::Registration,
        Self::Login,
        Self::PasswordReset,
        Self::Payment,
        Self::DeviceOperation,
        Self::BindEmail,
        Self::BindPhone,
        Self::Withdraw,
        Self::TwoFactor,
        Self::Generic,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Login => "login",
            Self::PasswordReset => "password_reset",
            Self::Payment => "payment",
            Self::DeviceOperation => "device_operation",
            Self::BindEmail => "bind_email",
            Self::BindPhone => "bind_phone",
            Self::Withdraw => "withdraw",
            Self::TwoFactor => "two_factor",
            Self::Generic => "generic",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// The profile of group B for this type; `None`: group B has no such type.
    pub fn sms_profile(self) -> Option<ProfileName> {
        Some(match self {
            Self::Registration => ProfileName::SmsRegistration,
            Self::Login => ProfileName::SmsLogin,
            Self::PasswordReset => ProfileName::SmsPasswordReset,
            Self::Payment => ProfileName::SmsPayment,
            Self::DeviceOperation => ProfileName::SmsDeviceOperation,
            _ => return None,
        })
    }
}

impl Resend {
    pub const ALL: [Self; 3] = [Self::Replace, Self::Keep, Self::SameCode];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::SameCode => "same_code",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

impl ProfileName {
    pub const ALL: [Self; 7] = [
        Self::SmsRegistration,
        Self::SmsLogin,
        Self::SmsPasswordReset,
        Self::SmsPayment,
        Self::SmsDeviceOperation,
        Self::Otp,
        Self::V1,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::SmsRegistration => "sms.registration",
            Self::SmsLogin => "sms.login",
            Self::SmsPasswordReset => "sms.password_reset",
            Self::SmsPayment => "sms.payment",
            Self::SmsDeviceOperation => "sms.device_operation",
            Self::Otp => "otp",
            Self::V1 => "v1",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }

    /// The table of semantics §7: seconds to live, attempts, resend, sends per hour. At most one a minute, except
    /// [`ProfileName::Otp`] with three.
    pub fn defaults(self) -> Profile {
        let (seconds, attempts, resend, per_minute, per_hour) = match self {
            Self::SmsRegistration => (600, 3, Resend::Replace, 1, 5),
            Self::SmsLogin => (300, 3, Resend::Replace, 1, 10),
            Self::SmsPasswordReset => (900, 3, Resend::Replace, 1, 3),
            Self::SmsPayment => (300, 3, Resend::Replace, 1, 10),
            Self::SmsDeviceOperation => (600, 3, Resend::Replace, 1, 5),
            Self::Otp => (600, 5, Resend::Keep, 3, 10),
            Self::V1 => (600, 5, Resend::Replace, 1, 10),
        };
        let limits = [Limit::new(per_minute, 60), Limit::new(per_hour, 3600)];
        Profile {
            ttl: Duration::from_secs(seconds),
            attempts,
            resend,
            limits: limits.into_iter().flatten().collect(),
        }
    }
}

/// Whole minutes of a time to live as a text tells it: rounded up.
pub fn minutes(ttl: Duration) -> u64 {
    ttl.as_secs().div_ceil(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for state in VerificationState::ALL {
            assert_eq!(VerificationState::parse(state.as_str()), Some(state));
        }
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
        }
        for resend in Resend::ALL {
            assert_eq!(Resend::parse(resend.as_str()), Some(resend));
        }
        for profile in ProfileName::ALL {
            assert_eq!(ProfileName::parse(profile.as_str()), Some(profile));
        }
    }

    #[test]
    fn a_verification_is_over_at_its_end_and_not_a_moment_later() {
        use VerificationState::{Approved, Expired, Pending};
        let end = UnixMillis(1_000);
        assert_eq!(Pending.at(end, UnixMillis(999)), Pending);
        assert_eq!(Pending.at(end, end), Expired);
        assert_eq!(Approved.at(end, UnixMillis(2_000)), Approved);
    }

    #[test]
    fn what_was_never_an_id_is_not_looked_up() {
        let id = VerificationId::new(UnixMillis(1_700_000_000_000), [7; 10]);
        assert_eq!(VerificationId::parse(id.as_str()), Some(id));
        for raw in ["", "ver", "IN_1", "ver_1'--", &"ver_1".repeat(20)] {
            assert_eq!(VerificationId::parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn every_profile_has_its_row() {
        let row = |name: ProfileName| {
            let profile = name.defaults();
            let limits: Vec<String> = profile.limits.iter().map(Limit::to_string).collect();
            let seconds = profile.ttl.as_secs();
            (seconds, profile.attempts, profile.resend, limits.join(" "))
        };
        use Resend::{Keep, Replace};
        for (name, seconds, attempts, resend, limits) in [
            ("sms.registration", 600, 3, Replace, "1/60 5/3600"),
            ("sms.login", 300, 3, Replace, "1/60 10/3600"),
            ("sms.password_reset", 900, 3, Replace, "1/60 3/3600"),
            ("sms.payment", 300, 3, Replace, "1/60 10/3600"),
            ("sms.device_operation", 600, 3, Replace, "1/60 5/3600"),
            ("otp", 600, 5, Keep, "3/60 10/3600"),
            ("v1", 600, 5, Replace, "1/60 10/3600"),
        ] {
            let expected = (seconds, attempts, resend, limits.to_owned());
            assert_eq!(row(ProfileName::parse(name).unwrap()), expected, "{name}");
        }
    }

    #[test]
    fn the_types_of_group_b_are_five_of_the_purposes() {
        let types: Vec<_> = Purpose::ALL
            .into_iter()
            .filter(|purpose| purpose.sms_profile().is_some())
            .map(Purpose::as_str)
            .collect();
        let expected = [
            "registration",
            "login",
            "password_reset",
            "payment",
            "device_operation",
        ];
        assert_eq!(types, expected);
    }

    #[test]
    fn minutes_are_rounded_up() {
        for (seconds, told) in [(30, 1), (60, 1), (61, 2), (600, 10)] {
            assert_eq!(minutes(Duration::from_secs(seconds)), told);
        }
    }
}
