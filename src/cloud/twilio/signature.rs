//! `X-Twilio-Signature`: who made a callback (Twilio's "Webhooks security").
//!
//! Never: believes a URL that the request itself tells, compares in a time that tells how much was right.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::super::Callback;
use super::super::form::Form;

const SIGNATURE: &str = "x-twilio-signature";
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
const BODY_DIGEST: &str = "bodySHA256";

/// What may have signed: the auth token, a shared key.
#[derive(Debug)]
pub(super) struct Keys(Vec<SecretString>);

impl Keys {
    /// An empty secret would let anybody sign.
    pub(super) fn new(secrets: impl Iterator<Item = SecretString>) -> Self {
        let is_secret = |secret: &SecretString| !secret.expose_secret().is_empty();
        Self(secrets.filter(is_secret).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether one of our keys made the signature of a callback. `form` is its body.
pub(super) fn is_signed(callback: &Callback<'_>, form: &Form, keys: &Keys) -> bool {
    let header = |name| {
        callback
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let Some(signature) = header(SIGNATURE).and_then(|text| STANDARD.decode(text.trim()).ok())
    else {
        return false;
    };
    let Some(sum) = Sum::of(header(SETTINGS)) else {
        return false;
    };
    // With a digest of the body in the URL only the URL is signed, whatever the body is.
    let digest = Form::parse(callback.query.as_bytes());
    let signed = match digest.first(BODY_DIGEST) {
        Some(digest) if is_digest(digest, callback.body) => String::new(),
        Some(_) => return false,
        None => sorted(form),
    };
    urls(callback.url).iter().any(|url| {
        let octets = format!("{url}{signed}");
        let mut keys = keys.0.iter();
        keys.any(|key| sum.is(key, octets.as_bytes(), &signature))
    })
}

fn is_digest(told: &str, body: &[u8]) -> bool {
    let own = Sha256::digest(body)
        .iter()
        .fold(String::new(), |hex, octet| format!("{hex}{octet:02x}"));
    own.as_bytes()
        .ct_eq(told.to_ascii_lowercase().as_bytes())
        .into()
}

/// Names by their code points, of each name its distinct values likewise, nothing between them. A name without a value
/// adds itself.
fn sorted(form: &Form) -> String {
    let mut params: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in form.pairs() {
        params.entry(name).or_default().insert(value);
    }
    let pairs = params
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| [*name, *value]));
    pairs.flatten().collect()
}

/// The URL as it is configured, with the default port, and without a port: Twilio has signed each of them.
fn urls(url: &str) -> Vec<String> {
    let mut urls = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else {
        return urls;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // In `[::1]:443` the last colon outside the brackets begins the port.
    let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[host_end..].find(':') {
        Some(colon) => {
            let host = &authority[..host_end + colon];
            urls.push(format!("{scheme}://{host}{path}"));
        }
        None => {
            let port = if scheme == "http" { 80 } else { 443 };
            urls.push(format!("{scheme}://{authority}:{port}{path}"));
        }
    }
    urls
}

#[derive(Clone, Copy)]
enum Sum {
    Sha1,
    Sha256,
}

impl Sum {
    /// `key=…,algorithm=HMAC_SHA256`; without the header it is SHA-1. `None`: a sum that we do not know.
    fn of(settings: Option<&str>) -> Option<Self> {
        let algorithm = settings.and_then(|settings| {
            settings
                .split(',')
                .find_map(|setting| setting.trim().strip_prefix("algorithm="))
        });
        match algorithm {
            None | Some("HMAC_SHA1") => Some(Self::Sha1),
            Some("HMAC_SHA256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn is(self, key: &SecretString, octets: &[u8], signature: &[u8]) -> bool {
        let key = key.expose_secret().as_bytes();
        match self {
            Self::Sha1 => is_mac::<Hmac<Sha1>>(key, octets, signature),
            Self::Sha256 => is_mac::<Hmac<Sha256>>(key, octets, signature),
        }
    }
}

fn is_mac<M: Mac + hmac::digest::KeyInit>(key: &[u8], octets: &[u8], signature: &[u8]) -> bool {
    let mut mac =
        <M as Mac>::new_from_slice(key).expect("HMAC takes a key of any length (RFC 2104 §2)");
    mac.update(octets);
    mac.verify_slice(signature).is_ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::domain::UnixMillis;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        auth_token: String,
        url: String,
        params: serde_json::Map<String, Value>,
        algorithm: String,
        signature: String,
    }

    fn vectors() -> Vec<Vector> {
        let file = include_str!("../vectors/twilio_webhook.json");
        let vectors: Vectors = serde_json::from_str(file).unwrap();
        vectors.vectors
    }

    impl Vector {
        fn form(&self) -> Form {
            self.params
                .iter()
                .fold(Form::default(), |form, (name, value)| {
                    form.with(name, value.as_str().unwrap())
                })
        }

        fn headers(&self) -> HeaderMap {
            let mut headers = HeaderMap::new();
            headers.insert(SIGNATURE, self.signature.parse().unwrap());
            if self.algorithm != "HMAC_SHA1" {
                let settings = format!("key=SKx,algorithm={}", self.algorithm);
                headers.insert(SETTINGS, settings.parse().unwrap());
            }
            headers
        }
    }

    fn is_believed(url: &str, headers: &HeaderMap, body: &[u8], key: &str) -> bool {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let callback = Callback {
            method: &Method::POST,
            url,
            tail: "",
            query,
            headers,
            body,
            now: UnixMillis(0),
        };
        let keys = Keys::new(std::iter::once(SecretString::from(key)));
        is_signed(&callback, &Form::parse(body), &keys)
    }

    fn headers(signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, signature.parse().unwrap());
        headers
    }

    #[track_caller]
    fn signature(key: &str, octets: &str) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(octets.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }

    #[test]
    fn what_twilios_library_signs_is_believed_and_nothing_else() {
        for vector in vectors() {
            let (name, headers) = (&vector.name, vector.headers());
            let body = vector.form().encoded();
            let (url, key) = (vector.url.as_str(), vector.auth_token.as_str());
            assert!(is_believed(url, &headers, body.as_bytes(), key), "{name}");
            let more = format!("{body}&More=1");
            assert!(!is_believed(url, &headers, more.as_bytes(), key), "{name}");
            assert!(
                !is_believed(&format!("{url}x"), &headers, body.as_bytes(), key),
                "{name}"
            );
            assert!(
                !is_believed(url, &headers, body.as_bytes(), "other"),
                "{name}"
            );
            assert!(
                !is_believed(url, &HeaderMap::new(), body.as_bytes(), key),
                "{name}"
            );
        }
    }

    #[test]
    fn names_and_distinct_values_are_sorted_and_an_empty_value_counts() {
        let body = b"b=2&a=&b=10&b=2&B=x";
        let signed = signature("token", "https://gw.example.com/cbBxab10b2");
        assert!(is_believed(
            "https://gw.example.com/cb",
            &headers(&signed),
            body,
            "token"
        ));
    }

    #[test]
    fn the_default_port_may_have_been_added_or_left_out() {
        for (configured, signed_with) in [
            (
                "https://gw.example.com/cb?a=1",
                "https://gw.example.com:443/cb?a=1",
            ),
            ("https://gw.example.com:443/cb", "https://gw.example.com/cb"),
            ("http://gw.example.com/cb", "http://gw.example.com:80/cb"),
            (
                "https://gw.example.com:8443/cb",
                "https://gw.example.com/cb",
            ),
            ("https://[2001:db8::1]/cb", "https://[2001:db8::1]:443/cb"),
            ("https://[2001:db8::1]:443/cb", "https://[2001:db8::1]/cb"),
            ("https://gw.example.com", "https://gw.example.com:443"),
        ] {
            let signed = headers(&signature("token", &format!("{signed_with}a1")));
            assert!(
                is_believed(configured, &signed, b"a=1", "token"),
                "{configured}"
            );
        }
    }

    #[test]
    fn a_digest_in_the_url_stands_for_the_body_and_must_be_its_own() {
        let body = br#"{"MessageStatus":"sent"}"#;
        let hex = Sha256::digest(body)
            .iter()
            .fold(String::new(), |hex, octet| format!("{hex}{octet:02x}"));
        let url = format!("https://gw.example.com/cb?bodySHA256={hex}");
        let signed = headers(&signature("token", &url));
        assert!(is_believed(&url, &signed, body, "token"));
        assert!(!is_believed(&url, &signed, b"{}", "token"));
    }

    #[test]
    fn a_sum_that_is_not_known_proves_nothing() {
        let vector = vectors().pop().unwrap();
        let mut headers = vector.headers();
        headers.insert(SETTINGS, "key=x,algorithm=NONE".parse().unwrap());
        let body = vector.form().encoded();
        assert!(!is_believed(
            &vector.url,
            &headers,
            body.as_bytes(),
            &vector.auth_token
        ));
    }

    #[test]
    fn an_empty_key_signs_nothing() {
        let signed = headers(&signature("", "https://gw.example.com/cb"));
        assert!(!is_believed("https://gw.example.com/cb", &signed, b"", ""));
    }
}
