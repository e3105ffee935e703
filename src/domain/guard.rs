//! Where may be sent at all: countries, and numbers that begin with what costs a fortune (semantics §8).
//!
//! Pure. Blocks of numbers that ask for codes and never use them are told from what is stored: `store::guard`.

use super::{Category, Destination, Prefixes, region};

/// `[guard]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// For codes, and for every caller without a key.
    pub otp_countries: Countries,
    /// For all other sends.
    pub countries: Countries,
    /// E.164 prefixes that nothing is sent to.
    pub deny_prefixes: Vec<String>,
    /// Verifications of one block of numbers within an hour, from which on enough of them must succeed.
    pub block_max: u32,
    /// The share of them that is enough, 0 to 1.
    pub min_conversion: f64,
    /// Refuse whole countries too.
    pub auto_block: bool,
}

/// ISO 3166 codes; `None`: every country, and numbers of none.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Countries(Option<Vec<String>>);

/// Which key of the config refuses a number, for a person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Denial {
    OtpCountries,
    Countries,
    DenyPrefixes,
}

impl Countries {
    /// A country that there are numbers of, or `*`.
    pub fn parse_one(text: &str) -> Option<String> {
        (text == "*" || region::is_country(text)).then(|| text.to_owned())
    }

    pub fn new(listed: Vec<String>) -> Self {
        let is_all = listed.iter().any(|one| one == "*");
        Self((!is_all).then_some(listed))
    }

    fn allow(&self, country: Option<&str>) -> bool {
        match (&self.0, country) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(listed), Some(country)) => listed.iter().any(|one| one == country),
        }
    }
}

impl Guard {
    /// An E.164 prefix with its `+`.
    pub fn parse_prefix(text: &str) -> Option<String> {
        Prefixes::parse_one(text).filter(|prefix| prefix.starts_with('+'))
    }

    /// Why nothing may be sent there. `is_stranger`: the caller has no key, or comes by a public surface.
    pub fn denial(
        &self,
        to: &Destination,
        category: Category,
        is_stranger: bool,
    ) -> Option<Denial> {
        let number = to.as_str();
        if self
            .deny_prefixes
            .iter()
            .any(|prefix| number.starts_with(prefix.as_str()))
        {
            return Some(Denial::DenyPrefixes);
        }
        if category == Category::Otp || is_stranger {
            let is_allowed = self.otp_countries.allow(to.country());
            return (!is_allowed).then_some(Denial::OtpCountries);
        }
        // A short code is in the network of the SIM: it has no country, and phone.allow_short_codes is its gate.
        let is_short = matches!(to, Destination::Short(_));
        let is_allowed = is_short || self.countries.allow(to.country());
        (!is_allowed).then_some(Denial::Countries)
    }
}

impl Denial {
    /// The key of the config that refuses.
    pub fn key(self) -> &'static str {
        match self {
            Self::OtpCountries => "guard.otp_countries",
            Self::Countries => "guard.countries",
            Self::DenyPrefixes => "guard.deny_prefixes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn countries(listed: &[&str]) -> Countries {
        Countries::new(
            listed
                .iter()
                .map(|one| Countries::parse_one(one).unwrap())
                .collect(),
        )
    }

    fn usual() -> Guard {
        Guard {
            otp_countries: countries(&["CN", "US"]),
            countries: countries(&["*"]),
            deny_prefixes: Vec::new(),
            block_max: 15,
            min_conversion: 0.2,
            auto_block: false,
        }
    }

    #[test]
    fn codes_and_strangers_reach_a_few_countries_and_the_rest_reaches_all() {
        let guard = usual();
        use Category::{Otp, Transactional};
        use Denial::OtpCountries;
        for (number, category, is_stranger, expected) in [
            ("+8613800138000", Otp, false, None),
            ("+12025550123", Otp, true, None),
            ("+4915112345678", Otp, false, Some(OtpCountries)),
            ("+4915112345678", Transactional, true, Some(OtpCountries)),
            ("+4915112345678", Transactional, false, None),
            // A satellite's: no country.
            ("+881612345678", Otp, false, Some(OtpCountries)),
            ("+881612345678", Transactional, false, None),
            ("10086", Transactional, false, None),
            ("10086", Otp, false, Some(OtpCountries)),
        ] {
            let to = Destination::stored(number).unwrap();
            assert_eq!(
                guard.denial(&to, category, is_stranger),
                expected,
                "{number} {category:?}"
            );
        }
    }

    #[test]
    fn a_list_of_countries_holds_for_all_other_sends_but_short_codes() {
        let guard = Guard {
            countries: countries(&["DE"]),
            ..usual()
        };
        for (number, expected) in [
            ("+4915112345678", None),
            ("+8613800138000", Some(Denial::Countries)),
            ("+881612345678", Some(Denial::Countries)),
            ("10086", None),
        ] {
            let to = Destination::stored(number).unwrap();
            assert_eq!(
                guard.denial(&to, Category::Alert, false),
                expected,
                "{number}"
            );
        }
    }

    #[test]
    fn a_prefix_that_is_denied_is_denied_to_everybody() {
        let guard = Guard {
            otp_countries: countries(&["*"]),
            deny_prefixes: vec!["+8817".into(), "+861".into()],
            ..usual()
        };
        let to = Destination::stored("+8613800138000").unwrap();
        for category in Category::ALL {
            let denial = guard.denial(&to, category, false).unwrap();
            assert_eq!(denial.key(), "guard.deny_prefixes");
        }
        let other = Destination::stored("+881612345678").unwrap();
        assert_eq!(guard.denial(&other, Category::Otp, true), None);
    }

    #[test]
    fn what_is_no_country_and_no_prefix_is_told() {
        for country in ["", "cn", "China", "XX", "+86"] {
            assert_eq!(Countries::parse_one(country), None, "{country}");
        }
        for country in ["CN", "US", "CA", "KZ", "DE", "*"] {
            assert!(Countries::parse_one(country).is_some(), "{country}");
        }
        for prefix in ["", "*", "+", "86", "+86 1", "+1234567890123456"] {
            assert_eq!(Guard::parse_prefix(prefix), None, "{prefix}");
        }
        assert!(Guard::parse_prefix("+8817").is_some());
    }
}
