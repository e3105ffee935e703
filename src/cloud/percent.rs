//! Percent-encoding as signatures want it (RFC 3986): everything but letters, digits and `-_.~`, with capital digits.
//!
//! Never: writes a blank as `+`.

use std::fmt::Write;

pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(octet));
            }
            // Writing into a String cannot fail.
            _ => _ = write!(out, "%{octet:02X}"),
        }
    }
    out
}

/// The octets that `text` stands for; what is no `%` with two hexadecimal digits stands for itself.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| octet(tail)).flatten();
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    out
}

fn octet(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    let (high, low) = (value(*digits.first()?)?, value(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_unreserved_characters_stand_for_themselves() {
        assert_eq!(encoded("aZ09-_.~"), "aZ09-_.~");
        assert_eq!(encoded(" *+/=&%"), "%20%2A%2B%2F%3D%26%25");
        assert_eq!(encoded("云"), "%E4%BA%91");
    }

    #[test]
    fn half_an_escape_stands_for_itself() {
        assert_eq!(decoded("%4"), b"%4");
        assert_eq!(decoded("100%"), b"100%");
        assert_eq!(decoded("%zz%41"), b"%zzA");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_read_back_and_holds_no_separator(text in any::<String>()) {
            let written = encoded(&text);
            prop_assert_eq!(decoded(&written), text.as_bytes());
            prop_assert!(!written.contains(['&', '=', '?', '#', ' ', '\r', '\n', '+']));
        }
    }
}
