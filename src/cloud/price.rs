//! What a provider says a text cost.
//!
//! Never: converts a currency, rounds down.

use crate::domain::Money;

/// Reads `0.03330000` or, as a charge, `-0.00750`, if it is in the currency of the budget. What is finer than a
/// ten-thousandth counts as one more: a budget is not to be passed by what was left out.
pub(crate) fn in_budget(amount: &str, unit: &str, currency: &str) -> Option<Money> {
    if !unit.eq_ignore_ascii_case(currency) {
        return None;
    }
    let amount = amount.strip_prefix('-').unwrap_or(amount);
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, "0"));
    if !fraction.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    let (kept, finer) = fraction.split_at(fraction.len().min(PLACES));
    let is_more = finer.bytes().any(|digit| digit != b'0');
    let price = Money::parse(&format!("{whole}.{kept}"))?;
    Some(price.plus(Money(i64::from(is_more))))
}

/// Of [`Money`].
const PLACES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_in_the_budgets_currency_only_and_never_rounded_down() {
        for (amount, unit, expected) in [
            ("0.03330000", "EUR", Some(333)),
            ("-0.00750", "eur", Some(75)),
            ("0.00751", "EUR", Some(76)),
            ("12", "EUR", Some(120_000)),
            ("0.0333", "USD", None),
            ("", "EUR", None),
            ("0.x", "EUR", None),
            ("0.00001x", "EUR", None),
            ("1e3", "EUR", None),
        ] {
            let price = in_budget(amount, unit, "EUR").map(|money| money.0);
            assert_eq!(price, expected, "{amount} {unit}");
        }
    }
}
