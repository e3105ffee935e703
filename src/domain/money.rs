//! Amounts of money, exact to a ten-thousandth: what a part costs, what a message has cost, what may be spent.

use std::fmt;

/// Ten-thousandths of the currency's unit (`budget.currency`).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Money(pub i64);

const PLACES: usize = 4;
const PER_UNIT: i64 = 10_000;
/// More than anybody spends on texts; far from where sums would overflow.
const MOST: i64 = 1_000_000_000 * PER_UNIT;

impl Money {
    /// Reads `0.05`, `12`, `3.1415`: digits, and at most four behind a point.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number =
            |digits: &str| !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || fraction.len() > PLACES {
            return None;
        }
        let units: i64 = whole.parse().ok()?;
        let rest: i64 = format!("{fraction:0<PLACES$}").parse().ok()?;
        let amount = units.checked_mul(PER_UNIT)?.checked_add(rest)?;
        (amount <= MOST).then_some(Self(amount))
    }

    #[must_use]
    pub fn times(self, count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Self(self.0.saturating_mul(count))
    }

    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    #[must_use]
    pub fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let per_unit = PER_UNIT.unsigned_abs();
        write!(f, "{sign}{}.{:04}", amount / per_unit, amount % per_unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_exactly_and_written_with_four_places() {
        for (text, amount, written) in [
            ("0", 0, "0.0000"),
            ("0.05", 500, "0.0500"),
            ("12", 120_000, "12.0000"),
            ("3.1415", 31_415, "3.1415"),
            ("007.5", 75_000, "7.5000"),
        ] {
            let money = Money::parse(text).unwrap();
            assert_eq!((money.0, money.to_string().as_str()), (amount, written));
        }
        assert_eq!(Money(-1).to_string(), "-0.0001");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1,5",
            "1e3",
            "0.00001",
            "9999999999",
        ] {
            assert_eq!(Money::parse(text), None, "{text}");
        }
    }
}
