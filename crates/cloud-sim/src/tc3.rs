//! **TC3**: Tencent Cloud's signature of a request (`TC3-HMAC-SHA256`), checked.

use std::fmt::Write;

use crate::calendar::plain;
use crate::call::Call;
use crate::hash::{hex, hmac_sha256, sha256};

const ALGORITHM: &str = "TC3-HMAC-SHA256";
/// On both sides.
const SKEW_S: u64 = 5 * 60;

/// Whether a request is signed by this account, or the code for what is wrong with it.
pub(crate) fn check(call: &Call, id: &str, key: &str, now: u64) -> Result<(), &'static str> {
    let (credential, signed, signature) =
        parts(call.header("authorization")).ok_or("AuthFailure.InvalidAuthorization")?;
    let stamp: u64 = call
        .header("x-tc-timestamp")
        .parse()
        .map_err(|_| "MissingParameter")?;
    let day = plain(stamp.saturating_mul(1000).min(FAR_MS));
    let day = day.split(' ').next().unwrap_or("");
    let scope = format!("{day}/sms/tc3_request");
    let Some((given, given_scope)) = credential.split_once('/') else {
        return Err("AuthFailure.InvalidAuthorization");
    };
    if given != id {
        return Err("AuthFailure.SecretIdNotFound");
    }
    if stamp.abs_diff(now / 1000) > SKEW_S {
        return Err("AuthFailure.SignatureExpire");
    }
    let is_signed = |name: &str| signed.split(';').any(|one| one == name);
    let covers = is_signed("content-type") && is_signed("host");
    // A base URL with a path is signed with it or without, by who cares for it.
    let fits = |path: &str| signature == sign(call, path, signed, &scope, day, key);
    let is_right = given_scope == scope && covers && (fits(&call.full_path) || fits(&call.path));
    is_right.then_some(()).ok_or("AuthFailure.SignatureFailure")
}

/// The end of the year 9999: what is later has no date of four digits.
const FAR_MS: u64 = 253_402_300_799_000;

/// Credential, signed headers and signature.
fn parts(header: &str) -> Option<(&str, &str, &str)> {
    let fields = header.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let field = |name: &str| {
        let mut values = fields.split(',').map(str::trim);
        values.find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
    };
    Some((
        field("Credential")?,
        field("SignedHeaders")?,
        field("Signature")?,
    ))
}

fn sign(call: &Call, path: &str, signed: &str, scope: &str, day: &str, key: &str) -> String {
    let mut request = format!("{}\n{path}\n{}\n", call.method, call.query);
    for name in signed.split(';') {
        // Into a String nothing fails.
        let _ = writeln!(request, "{name}:{}", call.header(name).trim());
    }
    let request = format!("{request}\n{signed}\n{}", hex(&sha256(&call.body)));
    let stamp = call.header("x-tc-timestamp");
    let digest = hex(&sha256(request.as_bytes()));
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{digest}");
    let of_day = hmac_sha256(format!("TC3{key}").as_bytes(), day.as_bytes());
    let of_service = hmac_sha256(&of_day, b"sms");
    let of_request = hmac_sha256(&of_service, b"tc3_request");
    hex(&hmac_sha256(&of_request, to_sign.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Requests as the provider's own SDK signs them.
    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../tests/vectors/tc3.json")).unwrap()
    }

    fn call(vector: &Value) -> Call {
        let mut headers = hyper::HeaderMap::new();
        for (name, value) in vector["headers"].as_object().unwrap() {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            headers.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        Call {
            method: "POST".into(),
            full_path: "/".into(),
            path: "/".into(),
            query: String::new(),
            headers,
            body: vector["body"].as_str().unwrap().into(),
        }
    }

    fn outcome(call: &Call, vector: &Value) -> Result<(), &'static str> {
        let text = |name: &str| vector[name].as_str().unwrap();
        let now: u64 = call.header("x-tc-timestamp").parse().unwrap();
        check(call, text("id"), text("key"), now * 1000)
    }

    #[test]
    fn what_the_sdk_signs_is_signed() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 3);
        for vector in vectors {
            assert_eq!(
                outcome(&call(&vector), &vector),
                Ok(()),
                "{}",
                vector["name"]
            );
        }
    }

    #[test]
    fn one_other_octet_and_it_is_signed_no_more() {
        const WRONG: Result<(), &str> = Err("AuthFailure.SignatureFailure");
        for vector in vectors() {
            let mut changed = call(&vector);
            changed.body.push(b' ');
            assert_eq!(outcome(&changed, &vector), WRONG);
            for (name, value) in [
                ("host", "example.com"),
                ("content-type", "application/json; charset=utf-8"),
            ] {
                let mut changed = call(&vector);
                changed.headers.insert(name, value.parse().unwrap());
                assert_eq!(outcome(&changed, &vector), WRONG, "{name}");
            }
            let mut other = vector.clone();
            other["key"] = "another key".into();
            assert_eq!(outcome(&call(&vector), &other), WRONG);
            other["id"] = "another id".into();
            assert_eq!(
                outcome(&call(&vector), &other),
                Err("AuthFailure.SecretIdNotFound")
            );
        }
    }

    #[test]
    fn a_clock_that_is_six_minutes_off_is_told_so() {
        let vector = &vectors()[0];
        let call = call(vector);
        let (id, key) = (
            vector["id"].as_str().unwrap(),
            vector["key"].as_str().unwrap(),
        );
        let at: u64 = call.header("x-tc-timestamp").parse().unwrap();
        assert!(check(&call, id, key, (at + 299) * 1000).is_ok());
        for off in [at + 301, at - 301] {
            assert_eq!(
                check(&call, id, key, off * 1000),
                Err("AuthFailure.SignatureExpire")
            );
        }
    }
}
