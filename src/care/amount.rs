//! An amount of money as networks write it.

use crate::domain::Money;

/// Reads `3.00`, `3,00`, `1.234,56`, `1,234.56`, `-2`, `12`: the last sign before at most four digits is the point, unless
/// three digits stand behind it and another sign of its kind, or none, before.
pub(super) fn read(text: &str) -> Option<Money> {
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix(['-', '−']) {
        Some(digits) => (true, digits.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let point = point_of(digits);
    let whole_ends = point.unwrap_or(digits.len());
    let is_group = |c: char| matches!(c, '.' | ',' | ' ' | '\u{a0}' | '\'');
    let whole: String = digits[..whole_ends]
        .chars()
        .filter(|c| !is_group(*c))
        .collect();
    let whole = if whole.is_empty() { "0".into() } else { whole };
    let plain = match point {
        Some(point) => format!("{whole}.{}", &digits[point + 1..]),
        None => whole,
    };
    let amount = Money::parse(&plain)?;
    Some(if is_negative {
        Money::default().less(amount)
    } else {
        amount
    })
}

/// Where the decimals begin.
fn point_of(digits: &str) -> Option<usize> {
    let at = digits.rfind(['.', ','])?;
    let sign = &digits[at..=at];
    let behind = digits.len() - at - 1;
    let is_repeated = digits.matches(sign).count() > 1;
    let has_other = digits.contains(if sign == "." { ',' } else { '.' });
    match behind {
        0 => None,
        // 1.234.567, and 1,234: thousands, as nobody writes three decimals alone.
        3 if is_repeated || !has_other => None,
        1..=4 if !is_repeated => Some(at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_with_points_commas_and_thousands() {
        for (text, amount) in [
            ("3.00", 30_000),
            ("3,00", 30_000),
            ("12", 120_000),
            ("0.5", 5_000),
            (".50", 5_000),
            ("1.234,56", 12_345_600),
            ("1,234.56", 12_345_600),
            ("1 234,56", 12_345_600),
            ("1.234", 12_340_000),
            ("1,234,567", 12_345_670_000),
            ("-2.10", -21_000),
            ("+7", 70_000),
            (" 5.78 ", 57_800),
        ] {
            assert_eq!(read(text), Some(Money(amount)), "{text}");
        }
        for text in ["", "abc", "-", "3.0.0.", "1e3", "3.00 EUR", "१२"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_there_nothing_panics(text in ".{0,30}") {
            read(&text);
        }

        #[test]
        fn an_amount_is_read_as_it_is_written(amount in 0..1_000_000_000_i64) {
            let money = Money(amount * 100);
            let written = money.to_string();
            prop_assert_eq!(read(&written[..written.len() - 2]), Some(money));
        }
    }
}
