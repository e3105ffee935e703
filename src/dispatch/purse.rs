//! What may still be spent with providers today and this month (semantics §8).
//!
//! Pure: amounts by day and a moment go in. Only what providers take counts: a modem's parts are priced too, but are paid
//! for with the plan of its SIM, and its quota is what bounds them. Else a day's ordinary traffic by modem would close the
//! way out for the day on which the modems fail.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::domain::{Money, UnixMillis};

/// `[budget]`.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub(crate) daily: Option<Money>,
    pub(crate) monthly: Option<Money>,
    pub(crate) zone: TimeZone,
}

impl Budget {
    /// The first day that counts at this moment.
    pub(crate) fn first_day(&self, now: UnixMillis) -> i32 {
        number(self.date(now).first_of_month())
    }

    fn date(&self, at: UnixMillis) -> Date {
        let timestamp = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::UNIX_EPOCH);
        timestamp.to_zoned(self.zone.clone()).date()
    }
}

/// What is left, and until when it stays so if nothing is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Allowance {
    pub(crate) left: Money,
    pub(crate) until: UnixMillis,
}

#[derive(Debug)]
pub(super) struct Purse {
    budget: Budget,
    /// By day as 20261231.
    spent: BTreeMap<i32, Money>,
}

impl Purse {
    /// `spent`: by day, from [`Budget::first_day`] on.
    pub(super) fn new(budget: Budget, spent: Vec<(i32, Money)>) -> Self {
        Self {
            budget,
            spent: spent.into_iter().collect(),
        }
    }

    pub(super) fn today(&self, now: UnixMillis) -> i32 {
        number(self.budget.date(now))
    }

    pub(super) fn spend(&mut self, day: i32, amount: Money) {
        let of_day = self.spent.entry(day).or_default();
        *of_day = of_day.plus(amount);
    }

    /// `None`: without bound.
    pub(super) fn allowance(&self, now: UnixMillis) -> Option<Allowance> {
        let today = self.budget.date(now);
        let since = |first: Date| {
            let days = self.spent.range(number(first)..=number(today));
            days.fold(Money(0), |sum, (_, amount)| sum.plus(*amount))
        };
        let tomorrow = today.saturating_add(1.day());
        let next_month = today.first_of_month().saturating_add(1.month());
        let bound = |limit: Option<Money>, first: Date, end: Date| {
            limit.map(|limit| Allowance {
                left: limit.less(since(first)),
                until: self.midnight(end),
            })
        };
        let daily = bound(self.budget.daily, today, tomorrow);
        let monthly = bound(self.budget.monthly, today.first_of_month(), next_month);
        // The narrower one; of two that are used up the one that stays so longer.
        daily.into_iter().chain(monthly).min_by_key(|allowance| {
            let used_up = allowance.left <= Money(0);
            (
                !used_up,
                if used_up {
                    -allowance.until.0
                } else {
                    allowance.left.0
                },
            )
        })
    }

    fn midnight(&self, date: Date) -> UnixMillis {
        let zoned = date.to_zoned(self.budget.zone.clone());
        UnixMillis(zoned.map_or(i64::MAX, |zoned| zoned.timestamp().as_millisecond()))
    }
}

fn number(date: Date) -> i32 {
    i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixMillis {
        UnixMillis::parse_rfc3339(text).unwrap()
    }

    fn purse(daily: Option<i64>, monthly: Option<i64>) -> Purse {
        let budget = Budget {
            daily: daily.map(Money),
            monthly: monthly.map(Money),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
        };
        let spent = vec![(20_261_031, Money(70)), (20_261_101, Money(30))];
        let mut purse = Purse::new(budget, spent);
        purse.spend(20_261_120, Money(25));
        purse
    }

    #[test]
    fn the_narrower_of_day_and_month_bounds_what_may_be_spent() {
        let now = at("2026-11-20T18:30:00+08:00");
        let (day_ends, month_ends) = ("2026-11-21T00:00:00+08:00", "2026-12-01T00:00:00+08:00");
        for (daily, monthly, expected) in [
            (None, None, None),
            (Some(100), None, Some((75, day_ends))),
            (None, Some(100), Some((45, month_ends))),
            (Some(100), Some(100), Some((45, month_ends))),
            (Some(30), Some(100), Some((5, day_ends))),
            (Some(20), Some(50), Some((-5, month_ends))),
        ] {
            let allowance = purse(daily, monthly).allowance(now);
            let shown = allowance.map(|allowance| (allowance.left.0, allowance.until));
            assert_eq!(shown, expected.map(|(left, until)| (left, at(until))));
        }
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_time_zone() {
        let purse = purse(Some(100), None);
        let left = |now| purse.allowance(at(now)).unwrap().left.0;
        assert_eq!(left("2026-11-20T15:59:59Z"), 75);
        assert_eq!(left("2026-11-20T16:00:00Z"), 100);
        assert_eq!(purse.today(at("2026-11-20T16:00:00Z")), 20_261_121);
        assert_eq!(
            purse.budget.first_day(at("2026-11-20T16:00:00Z")),
            20_261_101
        );
    }
}
