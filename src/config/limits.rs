//! `[limits]` and `[guard]`.

use super::Limits;
use super::desk::{A_LIMIT, Desk, a_limit};
use super::raw;
use crate::domain::{Allowances, Countries, Guard};

impl Desk<'_> {
    pub(super) fn all_limits(&mut self, raw: raw::Limits) -> Limits {
        let highest = 0..=1_000_000;
        let rps = self.number("limits.key_rps", raw.key_rps, 50, highest.clone());
        let burst = self.number("limits.key_burst", raw.key_burst, 100, highest);
        let none_or_a_limit = |text: String| match text.as_str() {
            "0" => Some(None),
            text => a_limit(text).map(Some),
        };
        let right = format!("{A_LIMIT}; or \"0\" for none");
        let anonymous = self.take(
            "limits.anonymous",
            raw.anonymous,
            a_limit("600/3600"),
            &right,
            none_or_a_limit,
        );
        let notify = ["1/60", "5/3600", "10/86400"];
        let direct = ["10/60", "100/3600", "500/86400"];
        let failures = raw.check_failures;
        Limits {
            allowances: Allowances {
                notify: self.limits("limits.notify", raw.notify, &notify),
                direct: self.limits("limits.direct", raw.direct, &direct),
                alert: self.limits("limits.alert", raw.alert, &["60/60"]),
                ceiling: self.limits("limits.ceiling", raw.ceiling, &["30/3600", "60/86400"]),
                anonymous,
                check_failures: self.limit("limits.check_failures", failures, "20/3600"),
                ip_sends: self.limit("limits.ip_sends", raw.ip_sends, "10/3600"),
                ip_checks: self.limit("limits.ip_checks", raw.ip_checks, "30/300"),
            },
            key_rps: (rps != 0).then_some(rps),
            key_burst: (burst != 0).then_some(burst),
        }
    }

    pub(super) fn guard(&mut self, raw: raw::Guard) -> Guard {
        let right =
            "must be a country's two capital letters (ISO 3166), such as \"CN\", or \"*\" for all";
        let owned = |listed: &[&str]| listed.iter().map(|one| (*one).to_owned()).collect();
        let codes = self.list(
            "guard.otp_countries",
            raw.otp_countries,
            owned(&["CN", "US"]),
            right,
            Countries::parse_one,
        );
        let others = self.list(
            "guard.countries",
            raw.countries,
            owned(&["*"]),
            right,
            Countries::parse_one,
        );
        Guard {
            otp_countries: Countries::new(codes),
            countries: Countries::new(others),
            deny_prefixes: self.list(
                "guard.deny_prefixes",
                raw.deny_prefixes,
                Vec::new(),
                "must be the first digits of numbers, with country code and +, such as \"+8817\"",
                Guard::parse_prefix,
            ),
            block_max: self.number("guard.block_max", raw.block_max, 15, 1..=1000),
            min_conversion: self.take(
                "guard.min_conversion",
                raw.min_conversion,
                0.20,
                "must be a number from 0 to 1",
                |share| (0.0..=1.0).contains(&share).then_some(share),
            ),
            auto_block: raw.auto_block.unwrap_or(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::written;
    use super::*;
    use crate::domain::Limit;

    #[test]
    fn every_key_of_limits_and_guard_is_read() {
        let config = written(
            "[limits]
             notify = ['2/60']
             direct = []
             alert = ['3/60', '4/3600']
             ceiling = ['1000000/2678400']
             anonymous = '5/60'
             check_failures = '6/60'
             ip_sends = '7/60'
             ip_checks = '8/60'
             [guard]
             otp_countries = ['DE']
             countries = ['CA', 'KZ']
             block_max = 20
             min_conversion = 1
             auto_block = true
             deny_prefixes = ['+8817']",
        )
        .env(&[("CELLPOST_GUARD__MIN_CONVERSION", "0.5")])
        .config();
        let limit = |text| Limit::parse(text).unwrap();
        let expected = Allowances {
            notify: vec![limit("2/60")],
            direct: Vec::new(),
            alert: vec![limit("3/60"), limit("4/3600")],
            ceiling: vec![limit("1000000/2678400")],
            anonymous: Some(limit("5/60")),
            check_failures: limit("6/60"),
            ip_sends: limit("7/60"),
            ip_checks: limit("8/60"),
        };
        assert_eq!(config.limits.allowances, expected);
        let expected = Guard {
            otp_countries: Countries::new(vec!["DE".into()]),
            countries: Countries::new(vec!["CA".into(), "KZ".into()]),
            deny_prefixes: vec!["+8817".into()],
            block_max: 20,
            min_conversion: 0.5,
            auto_block: true,
        };
        assert_eq!(config.guard, expected);
    }
}
