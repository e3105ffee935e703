//! What Aliyun allows in a template for codes, checked before a text is refused for it: one sentence of warning each.
//!
//! Its rules: exactly one variable, whose value is 4 to 6 digits or letters; the minutes of its life are part of the
//! fixed text.
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
}
