//! `balance_…` of `[modem.NAME]`, and `[sim_care]`.

use std::time::Duration;

use regex::Regex;
use toml::Spanned;

use super::desk::{AN_AMOUNT, Desk};
use super::raw::{self, Given};
use super::values::optional;
use super::{Balance, SimCare};
use crate::domain::{Body, Money, NumberRules, UssdCode};

const A_CODE: &str = "must be digits, *, # and +, such as \"*100#\"";
const A_PATTERN: &str =
    "must be a regular expression with a group around the amount, such as \"([0-9.]+) EUR\"";
const TOGETHER: &str =
    "needs the other one: balance_ussd asks, balance_regex finds the amount in the answer";
/// The word of `keep_alive_to` for a SIM of our own.
const SIMS: &str = "sims";

impl Desk<'_> {
    pub(super) fn balance(
        &mut self,
        key: &impl Fn(&str) -> String,
        [ussd, regex, min]: [Given<String>; 3],
        every: Given<i64>,
    ) -> Option<Balance> {
        let is_set = |given: &Given<String>| {
            given
                .as_ref()
                .filter(|text| !text.get_ref().is_empty())
                .map(Spanned::span)
        };
        let alone = match (is_set(&ussd), is_set(&regex)) {
            (Some(span), None) => Some(("balance_ussd", span)),
            (None, Some(span)) => Some(("balance_regex", span)),
            _ => None,
        };
        if let Some((name, span)) = alone {
            self.refuse(&key(name), span, TOGETHER.to_owned());
        }
        let code = self.take(&key("balance_ussd"), ussd, None, A_CODE, |text| {
            optional(&text, UssdCode::parse)
        });
        let regex = self.take(&key("balance_regex"), regex, None, A_PATTERN, |text| {
            optional(&text, pattern)
        });
        let min = self.take(&key("balance_min"), min, None, AN_AMOUNT, |text| {
            optional(&text, Money::parse)
        });
        let every = self.seconds(&key("balance_every"), every, 86_400, 60..=MONTH);
        Some(Balance {
            code: code?,
            regex: regex?,
            min,
            every,
        })
    }

    pub(super) fn sim_care(&mut self, raw: raw::SimCare, numbers: NumberRules) -> SimCare {
        let days: u64 = self.number("sim_care.keep_alive_days", raw.keep_alive_days, 0, 0..=3650);
        let loopback: u64 =
            self.number("sim_care.loopback_every", raw.loopback_every, 0, 0..=MONTH);
        let at_least = |seconds: u64| (seconds > 0).then(|| Duration::from_secs(seconds.max(60)));
        SimCare {
            keep_alive_after: at_least(days * 86_400),
            keep_alive_to: self.take(
                "sim_care.keep_alive_to",
                raw.keep_alive_to,
                None,
                "must be a number, such as \"+8613800138000\", or \"sims\" for another SIM of the gateway",
                |text| match text.as_str() {
                    SIMS => Some(None),
                    number => numbers.parse(number).ok().map(Some),
                },
            ),
            keep_alive_text: self.take(
                "sim_care.keep_alive_text",
                raw.keep_alive_text,
                usual_text(),
                "must be a text of one SMS",
                |text| Body::parse(&text).ok().filter(is_short),
            ),
            loopback_every: at_least(loopback),
            hang_up: raw.hang_up.unwrap_or(false),
        }
    }
}

const MONTH: i64 = 31 * 86_400;

fn usual_text() -> Body {
    Body::parse("keep-alive").expect("the usual text is one")
}

fn is_short(text: &Body) -> bool {
    use crate::domain::{Encoding, Reference};
    let plan = text.plan(Encoding::Auto, Reference::Eight(0).into());
    plan.is_ok_and(|plan| plan.parts == 1)
}

/// One that has a group.
fn pattern(text: &str) -> Option<Regex> {
    let regex = Regex::new(text).ok()?;
    (regex.captures_len() > 1).then_some(regex)
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::written;
    use super::*;

    #[test]
    fn what_a_sim_has_left_is_asked_by_a_code_and_found_by_a_pattern() {
        let config = written(
            "[modem.m1]
             device = '/dev/ttyUSB2'
             balance_ussd = '*100#'
             balance_regex = '([0-9.]+) EUR'
             balance_min = '5.00'
             balance_every = 3600",
        )
        .config();
        let balance = config.modems[0].balance.as_ref().unwrap();
        assert_eq!(balance.code.as_str(), "*100#");
        assert_eq!(balance.min, Some(Money(50_000)));
        assert_eq!(balance.every, Duration::from_secs(3600));
        let none = written("[modem.m1]\ndevice = '/dev/ttyUSB2'\nbalance_ussd = ''").config();
        assert!(none.modems[0].balance.is_none());
    }

    #[test]
    fn sims_are_cared_for_when_it_is_asked_for() {
        let care = written("").config().sim_care;
        assert_eq!((care.keep_alive_after, care.loopback_every), (None, None));
        assert!(!care.hang_up);
        assert_eq!(care.keep_alive_text.expose(), "keep-alive");
        let care = written(
            "[sim_care]
             keep_alive_days = 60
             keep_alive_to = '+8613800138000'
             keep_alive_text = 'still here'
             loopback_every = 10
             hang_up = true",
        )
        .config()
        .sim_care;
        assert_eq!(
            care.keep_alive_after,
            Some(Duration::from_secs(60 * 86_400))
        );
        assert_eq!(care.keep_alive_to.unwrap().as_str(), "+8613800138000");
        assert_eq!(
            care.loopback_every,
            Some(Duration::from_secs(60)),
            "not more often"
        );
        assert!(care.hang_up);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let modem = "[modem.m1]\ndevice = '/dev/ttyUSB2'\n";
        for (text, expected) in [
            (
                format!("{modem}balance_ussd = '*100#'"),
                "line 3: modem.m1.balance_ussd = '*100#': needs the other one: balance_ussd asks, balance_regex finds the amount in the answer",
            ),
            (
                format!("{modem}balance_ussd = '*1 0#'\nbalance_regex = '(.*)'"),
                "line 3: modem.m1.balance_ussd = '*1 0#': must be digits, *, # and +, such as \"*100#\"",
            ),
            (
                format!("{modem}balance_ussd = '*100#'\nbalance_regex = '[0-9]+'"),
                "line 4: modem.m1.balance_regex = '[0-9]+': must be a regular expression with a group around the amount, such as \"([0-9.]+) EUR\"",
            ),
            (
                "[sim_care]\nkeep_alive_to = 'somebody'".to_owned(),
                "line 2: sim_care.keep_alive_to = 'somebody': must be a number, such as \"+8613800138000\", or \"sims\" for another SIM of the gateway",
            ),
        ] {
            let expected = format!("cellpost.toml {expected}");
            assert_eq!(written(&text).problems(), [expected], "{text}");
        }
    }
}
