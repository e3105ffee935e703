//! `sig`: who made a report ("Signing messages" of Vonage's documentation).
//!
//! Never: believes a signature that is older than five minutes, or one that is no HMAC.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use md5::Md5;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::super::form::Form;
use crate::domain::UnixMillis;

/// Seconds between `timestamp` and our clock.
const CLOCKS_APART: u64 = 300;

/// Whether the secret made the signature of these fields, now. Which sum it is, is a setting of the account; its length
/// tells.
pub(super) fn is_signed(form: &Form, secret: &SecretString, now: UnixMillis) -> bool {
    let (Some(signature), Some(time)) = (
        form.filled("sig").and_then(octets),
        form.filled("timestamp"),
    ) else {
        return false;
    };
    let Ok(time) = time.parse::<i64>() else {
        return false;
    };
    if time.abs_diff(now.0 / 1000) > CLOCKS_APART {
        return false;
    }
    let (key, signed) = (secret.expose_secret().as_bytes(), signed(form));
    match signature.len() {
        16 => is_mac::<Hmac<Md5>>(key, &signed, &signature),
        20 => is_mac::<Hmac<Sha1>>(key, &signed, &signature),
        32 => is_mac::<Hmac<Sha256>>(key, &signed, &signature),
        64 => is_mac::<Hmac<Sha512>>(key, &signed, &signature),
        _ => false,
    }
}

/// `&name=value` for each name in order, with `_` for what would end a value.
fn signed(form: &Form) -> String {
    let fields: BTreeMap<&str, &str> = form.pairs().filter(|(name, _)| *name != "sig").collect();
    fields
        .iter()
        .map(|(name, value)| format!("&{name}={}", value.replace(['&', '='], "_")))
        .collect()
}

/// Of hexadecimal digits.
fn octets(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| (pair[0] << 4) | pair[1])
            .collect(),
    )
}

fn is_mac<M: Mac + hmac::digest::KeyInit>(key: &[u8], octets: &str, signature: &[u8]) -> bool {
    let mut mac =
        <M as Mac>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(octets.as_bytes());
    mac.verify_slice(signature).is_ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Map, Value};

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        signature_secret: String,
        params: Map<String, Value>,
        sig: String,
    }

    fn vectors() -> Vec<Vector> {
        let file = include_str!("../vectors/vonage_sig.json");
        serde_json::from_str::<Vectors>(file).unwrap().vectors
    }

    impl Vector {
        fn form(&self) -> Form {
            let plain = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            self.params
                .iter()
                .fold(Form::default(), |form, (name, value)| {
                    form.with(name, plain(value))
                })
        }
    }

    const SIGNED_AT: UnixMillis = UnixMillis(1_767_323_045_000);

    #[test]
    fn what_vonages_library_signs_is_believed_and_nothing_else() {
        for vector in vectors() {
            let secret = SecretString::from(vector.signature_secret.as_str());
            let form = vector.form().with("sig", vector.sig.as_str());
            assert!(is_signed(&form, &secret, SIGNED_AT), "{}", vector.name);
            assert!(!is_signed(
                &form.clone().with("more", "1"),
                &secret,
                SIGNED_AT
            ));
            assert!(!is_signed(&form, &"other".into(), SIGNED_AT));
            assert!(!is_signed(&vector.form(), &secret, SIGNED_AT));
        }
    }

    #[test]
    fn a_signature_counts_for_five_minutes() {
        let vector = vectors().pop().unwrap();
        let secret = SecretString::from(vector.signature_secret.as_str());
        let form = vector.form().with("sig", vector.sig.as_str());
        for (seconds, counts) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let now = UnixMillis(SIGNED_AT.0 + seconds * 1000);
            assert_eq!(is_signed(&form, &secret, now), counts, "{seconds}");
        }
    }

    #[test]
    fn every_hmac_of_the_documentation_is_known() {
        // RFC 2202 and RFC 4231 have no such text: these are openssl's, of `&a=1_2_3&timestamp=1767323045`.
        let form = || {
            Form::default()
                .with("timestamp", "1767323045")
                .with("a", "1&2=3")
        };
        assert_eq!(signed(&form()), "&a=1_2_3&timestamp=1767323045");
        for sig in SIGNATURES {
            let form = form().with("sig", sig);
            assert!(is_signed(&form, &"key".into(), SIGNED_AT), "{sig}");
        }
        for sig in ["", "0", "zz", "00", "00000000000000000000000000000000"] {
            let form = form().with("sig", sig);
            assert!(!is_signed(&form, &"key".into(), SIGNED_AT), "{sig}");
        }
    }

    const SIGNATURES: [&str; 4] = [
        "f4424b6201b19ec870bea1cf971ddf81",
        "52c96f60427f82cfee1cb66d7ae1b6692fdeea32",
        "03ce9154e2e0fb39235990b38cd2b1b99b62afac5636a2a7fd164db1d32fbc34",
        "434667af34d69076a96bb66590bcbf7abcd32eb7e0ec532c9743e26557d38da45e3eadbc7fe4fb647562dd7036a3f50ecdee23252551672fbad194001719ce12",
    ];
}
