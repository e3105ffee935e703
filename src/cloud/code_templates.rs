//! What Aliyun allows in a template for codes, checked before a text is refused for it: one sentence of warning each.
//!
//! Its rules: exactly one variable, whose value is 4 to 6 digits or letters; the minutes of its life are part of the
//! fixed text; no variable holds an address of the web.
//!
//! Never: refuses anything; the provider has the last word.

use std::ops::RangeInclusive;

/// Characters of a code.
const CODE_LENGTH: RangeInclusive<usize> = 4..=6;

/// What Aliyun would refuse of a template that carries codes; asked at start and when a template is made.
///
/// `told`: the variables that it is told. `code_length`: of the codes that are drawn for it, where that is known.
pub(crate) fn warning(
    template: &str,
    told: &[impl AsRef<str>],
    code_length: Option<usize>,
) -> Option<String> {
    if told.len() != 1 {
        let names: Vec<&str> = told.iter().map(AsRef::as_ref).collect();
        return Some(format!(
            "template {template} carries codes and has {} variables ({}): Aliyun takes exactly one in a template for \
             codes; write the minutes into its fixed text, and list the one with `variables` in template_map",
            told.len(),
            names.join(", ")
        ));
    }
    let length = code_length.filter(|length| !CODE_LENGTH.contains(length))?;
    Some(format!(
        "codes of {length} characters go by template {template}: Aliyun takes 4 to 6 digits or letters; set \
         verify.code_length to 4, 5 or 6, or leave this provider out of routing.order.otp"
    ))
}

/// What Aliyun would refuse of values; `for_code`: the template carries codes. Repeats no value.
pub(crate) fn value_warning(values: &[(&str, &str)], for_code: bool) -> Option<String> {
    if let Some((name, _)) = values.iter().find(|(_, value)| holds_address(value)) {
        return Some(format!(
            "the value of {name} holds an address of the web: Aliyun takes none in a variable; write it into the \
             fixed text"
        ));
    }
    if !for_code {
        return None;
    }
    let [(name, value)] = values else {
        return Some(format!(
            "{} values for a code: Aliyun takes exactly one in a template for codes",
            values.len()
        ));
    };
    let is_code = CODE_LENGTH.contains(&value.chars().count())
        && value.bytes().all(|octet| octet.is_ascii_alphanumeric());
    (!is_code)
        .then(|| format!("the value of {name} is no code: Aliyun takes 4 to 6 digits or letters"))
}

fn holds_address(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    lower.contains("://") || lower.contains("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_for_codes_has_one_variable_and_codes_of_four_to_six() {
        assert_eq!(warning("17", &["code"], Some(6)), None);
        assert_eq!(warning("17", &["code"], None), None);
        let two = warning("sms.login", &["code", "minutes"], Some(6)).unwrap();
        assert!(two.contains("sms.login") && two.contains("(code, minutes)"));
        let none: [&str; 0] = [];
        assert!(warning("17", &none, None).unwrap().contains("0 variables"));
        for length in [3, 7, 10] {
            let sentence = warning("17", &["code"], Some(length)).unwrap();
            assert!(sentence.contains("verify.code_length"), "{sentence}");
        }
    }

    #[test]
    fn a_value_that_aliyun_refuses_is_named_and_not_repeated() {
        for (values, for_code) in [
            (&[("code", "1234")][..], true),
            (&[("code", "A1B2C3")], true),
            (&[("name", "张三"), ("time", "10:30")], false),
        ] {
            assert_eq!(value_warning(values, for_code), None, "{values:?}");
        }
        for (values, for_code) in [
            (&[("code", "123")][..], true),
            (&[("code", "1234567")], true),
            (&[("code", "12 34")], true),
            (&[("code", "１２３４")], true),
            (&[("code", "1234"), ("minutes", "5")], true),
            (&[("link", "https://example.com/1234")], false),
            (&[("link", "WWW.example.com")], false),
        ] {
            let sentence = value_warning(values, for_code).unwrap();
            assert!(!sentence.contains("example.com"), "{sentence}");
            assert!(!sentence.contains("123"), "{sentence}");
        }
    }
}
