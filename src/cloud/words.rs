//! What a provider says, made fit for a person's eyes and for the record.
//!
//! A provider's words may repeat the number, the text or the whole request; what comes out of here repeats none of them.
//! Never: decides what an answer means.

use crate::domain::redact::masked_codes;

/// Characters of a provider's sentence that are kept: enough to search for it, too few for a text.
const LONGEST: usize = 100;

/// A code that a provider may have: `isv.BUSINESS_LIMIT_CONTROL`, `FailedOperation.TemplateIdNotExist`.
const LONGEST_CODE: usize = 80;

/// `code: words`, with every number in the words masked.
pub(crate) fn said(code: &str, words: &str) -> String {
    let words = one_line(words, LONGEST);
    // What a signature was computed over is the request, with its number and its text, percent-encoded.
    let lower = words.to_lowercase();
    if words.is_empty() || lower.contains("string to sign") || words.contains('%') {
        return code_alone(code);
    }
    format!("{}: {}", code_alone(code), masked_codes(&words))
}

/// The code without the words: for refusals whose words quote the text.
pub(crate) fn code_alone(code: &str) -> String {
    let is_code =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '^' | ' ');
    let plain = code.len() <= LONGEST_CODE && code.chars().all(is_code);
    match plain && longest_digits(code) < LONGEST_DIGITS {
        true => code.to_owned(),
        false => "a code that is none".to_owned(),
    }
}

/// An HTTP answer that holds nothing to read.
pub(crate) fn status_alone(status: http::StatusCode) -> String {
    format!("HTTP {} without a readable answer", status.as_u16())
}

/// Codes of operators have up to five digits; numbers have more.
const LONGEST_DIGITS: usize = 7;

fn longest_digits(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .max()
        .unwrap_or_default()
}

fn one_line(words: &str, longest: usize) -> String {
    let mut line: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(longest)
        .collect();
    if words.chars().count() > longest {
        line.push('…');
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_providers_words_are_kept_and_the_numbers_in_them_are_masked() {
        assert_eq!(
            said("isv.SMS_TEMPLATE_ILLEGAL", "模板不合法(不存在或被拉黑)"),
            "isv.SMS_TEMPLATE_ILLEGAL: 模板不合法(不存在或被拉黑)"
        );
        assert_eq!(
            said(
                "isv.MOBILE_NUMBER_ILLEGAL",
                "13800138000invalid mobile number"
            ),
            "isv.MOBILE_NUMBER_ILLEGAL: •••••• mobile number"
        );
        assert_eq!(
            said("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1"),
            "isv.BUSINESS_LIMIT_CONTROL: 触发分钟级流控Permits:1"
        );
    }

    #[test]
    fn what_a_signature_was_computed_over_is_not_repeated() {
        for words in [
            "Specified signature is not matched with our calculation. server string to sign is:POST",
            "POST&%2F&AccessKeyId%3DLTAI5t",
        ] {
            assert_eq!(
                said("SignatureDoesNotMatch", words),
                "SignatureDoesNotMatch"
            );
        }
    }

    #[test]
    fn a_code_with_a_number_or_a_line_in_it_is_not_repeated() {
        for code in ["13800138000", "OK\nadmin", "验证码1234", &"a".repeat(81)] {
            assert_eq!(code_alone(code), "a code that is none");
        }
    }

    #[test]
    fn long_words_are_cut() {
        let shown = said("Other", &"word ".repeat(1000));
        assert!(shown.chars().count() < 120, "{shown}");
    }
}
