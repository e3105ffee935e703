//! **ACS3**: Alibaba Cloud's signature of a request (`ACS3-HMAC-SHA256`), checked.

use std::fmt::Write;

use crate::calendar::from_iso;
use crate::call::Call;
use crate::hash::{hex, hmac_sha256, sha256};

/// Who may sign.
pub(crate) struct Key<'a> {
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
    pub(crate) security_token: Option<&'a str>,
}

const ALGORITHM: &str = "ACS3-HMAC-SHA256";
/// On both sides.
const SKEW_MS: u64 = 15 * 60 * 1000;

/// The nonce of a request that is signed, or the gateway's code for what is wrong with it.
pub(crate) fn check<'a>(call: &'a Call, key: &Key<'_>, now: u64) -> Result<&'a str, &'static str> {
    let (credential, signed, signature) =
        parts(call.header("authorization")).ok_or("IncompleteSignature")?;
    if credential != key.id {
        return Err("InvalidAccessKeyId.NotFound");
    }
    let date = from_iso(call.header("x-acs-date")).ok_or("InvalidTimeStamp.Format")?;
    if date.abs_diff(now) > SKEW_MS {
        return Err("InvalidTimeStamp.Expired");
    }
    let token = key.security_token.unwrap_or("");
    if call.header("x-acs-security-token") != token {
        return Err("InvalidSecurityToken.MismatchWithAccessKey");
    }
    let is_whole = call.header("x-acs-content-sha256") == hex(&sha256(&call.body));
    // A base URL with a path is signed with it or without, by who cares for it.
    let fits = |path: &str| signature == sign(call, path, signed, key.secret);
    if !is_whole || !covers(call, signed) || !(fits(&call.full_path) || fits(&call.path)) {
        return Err("SignatureDoesNotMatch");
    }
    let nonce = call.header("x-acs-signature-nonce");
    match nonce.is_empty() {
        true => Err("MissingSignatureNonce"),
        false => Ok(nonce),
    }
}

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

/// Whether everything that must be signed is: the host, all of the API's own headers, and the type of a body.
fn covers(call: &Call, signed: &str) -> bool {
    let is_signed = |name: &str| signed.split(';').any(|one| one == name);
    let own = call.headers.keys().map(hyper::header::HeaderName::as_str);
    let own_are_signed = own.filter(|name| name.starts_with("x-acs-")).all(is_signed);
    let type_is_signed = call.body.is_empty() || is_signed("content-type");
    is_signed("host") && own_are_signed && type_is_signed
}

fn sign(call: &Call, path: &str, signed: &str, secret: &str) -> String {
    let mut request = format!("{}\n{path}\n{}\n", call.method, canonical_query(call));
    for name in signed.split(';') {
        // Into a String nothing fails.
        let _ = writeln!(request, "{name}:{}", call.header(name).trim());
    }
    let digest = call.header("x-acs-content-sha256");
    let request = format!("{request}\n{signed}\n{digest}");
    let to_sign = format!("{ALGORITHM}\n{}", hex(&sha256(request.as_bytes())));
    hex(&hmac_sha256(secret.as_bytes(), to_sign.as_bytes()))
}

fn canonical_query(call: &Call) -> String {
    let mut fields = call.query_fields().0;
    fields.sort();
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    fields.join("&")
}

/// Percent-encoding that leaves the unreserved characters of RFC 3986 only.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for octet in text.bytes() {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(octet));
            }
            _ => {
                let _ = write!(encoded, "%{octet:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// Requests as the provider's own SDK signs them, and two that its documentation publishes.
    fn vectors() -> Vec<Value> {
        let vectors = include_str!("../tests/vectors/acs3.json");
        serde_json::from_str(vectors).unwrap()
    }

    fn call(vector: &Value) -> Call {
        let headers = vector["headers"].as_object().unwrap();
        let mut map = hyper::HeaderMap::new();
        for (name, value) in headers {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            map.insert(name, value.as_str().unwrap().parse().unwrap());
        }
        Call {
            method: "POST".into(),
            full_path: "/".into(),
            path: "/".into(),
            query: vector["query"].as_str().unwrap().into(),
            headers: map,
            body: vector["body"].as_str().unwrap().into(),
        }
    }

    fn outcome(call: &Call, vector: &Value) -> Result<String, &'static str> {
        let text = |name: &str| vector[name].as_str();
        let key = Key {
            id: text("id").unwrap(),
            secret: text("secret").unwrap(),
            security_token: text("token"),
        };
        let now = from_iso(call.header("x-acs-date")).unwrap();
        check(call, &key, now).map(str::to_owned)
    }

    #[test]
    fn what_the_sdk_signs_is_signed() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 8);
        for vector in vectors {
            let nonce = vector["headers"]["x-acs-signature-nonce"].as_str().unwrap();
            assert_eq!(
                outcome(&call(&vector), &vector),
                Ok(nonce.to_owned()),
                "{}",
                vector["name"]
            );
        }
    }

    #[test]
    fn one_other_octet_and_it_is_signed_no_more() {
        for vector in vectors() {
            let mut changed = call(&vector);
            changed.query.push('0');
            assert_eq!(outcome(&changed, &vector), Err("SignatureDoesNotMatch"));

            let mut changed = call(&vector);
            changed.body.push(b'0');
            assert_eq!(outcome(&changed, &vector), Err("SignatureDoesNotMatch"));

            let mut changed = call(&vector);
            changed
                .headers
                .insert("host", "example.com".parse().unwrap());
            assert_eq!(outcome(&changed, &vector), Err("SignatureDoesNotMatch"));

            let mut changed = call(&vector);
            changed.headers.insert("x-acs-other", "1".parse().unwrap());
            assert_eq!(outcome(&changed, &vector), Err("SignatureDoesNotMatch"));

            let mut other = vector.clone();
            other["secret"] = "another secret".into();
            assert_eq!(
                outcome(&call(&vector), &other),
                Err("SignatureDoesNotMatch")
            );
        }
    }

    #[test]
    fn a_clock_that_is_sixteen_minutes_off_is_told_so() {
        let vector = &vectors()[0];
        let call = call(vector);
        let key = Key {
            id: vector["id"].as_str().unwrap(),
            secret: vector["secret"].as_str().unwrap(),
            security_token: None,
        };
        let at = from_iso(call.header("x-acs-date")).unwrap();
        let minutes = |n: u64| at + n * 60_000;
        assert!(check(&call, &key, minutes(14)).is_ok());
        assert_eq!(
            check(&call, &key, minutes(16)),
            Err("InvalidTimeStamp.Expired")
        );
        assert_eq!(
            check(&call, &key, at - 16 * 60_000),
            Err("InvalidTimeStamp.Expired")
        );
    }
}
