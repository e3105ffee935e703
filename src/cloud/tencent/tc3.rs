//! TC3-HMAC-SHA256: how a request to Tencent Cloud is signed, and the signed request itself.
//!
//! Never: reads a clock, knows what an action means, needs a nonce.

use secrecy::ExposeSecret;
use serde_json::Value;

use crate::cloud::account::Account;
use crate::cloud::digest::{hex, hmac_sha256, sha256_hex};
use crate::cloud::endpoint::Endpoint;
use crate::cloud::{Moment, Unfit};
use crate::domain::UnixMillis;
use crate::https::Request;

const ALGORITHM: &str = "TC3-HMAC-SHA256";
const SERVICE: &str = "sms";
const VERSION: &str = "2021-01-11";
/// The same octets are signed and sent.
const CONTENT_TYPE: &str = "application/json";
const SIGNED_HEADERS: &str = "content-type;host";

/// Where, as whom and in which region.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) endpoint: Endpoint,
    pub(super) account: Account,
    pub(super) region: String,
}

impl Service {
    /// The signed request of one action.
    ///
    /// # Errors
    /// The region cannot stand in a header.
    pub(super) fn request(
        &self,
        action: &str,
        fields: &Value,
        moment: &Moment,
    ) -> Result<Request, Unfit> {
        let body = fields.to_string();
        let at = Stamp::of(moment.now);
        let canonical = canonical_request(
            self.endpoint.path(),
            CONTENT_TYPE,
            self.endpoint.authority(),
            body.as_bytes(),
        );
        let headers = vec![
            ("content-type", CONTENT_TYPE.to_owned()),
            ("x-tc-action", action.to_owned()),
            ("x-tc-version", VERSION.to_owned()),
            ("x-tc-timestamp", at.seconds.to_string()),
            ("x-tc-region", self.region.clone()),
            (
                "authorization",
                authorization(&self.account, &at, &canonical),
            ),
        ];
        self.endpoint.post("", headers, body)
    }
}

/// The two forms of a moment that are signed.
struct Stamp {
    /// Since 1970.
    seconds: i64,
    /// `2026-01-02`, of UTC.
    date: String,
}

impl Stamp {
    fn of(now: UnixMillis) -> Self {
        Self {
            seconds: now.0.div_euclid(1000),
            date: now.to_seconds()[..10].to_owned(),
        }
    }

    fn scope(&self) -> String {
        format!("{}/{SERVICE}/tc3_request", self.date)
    }
}

fn canonical_request(path: &str, content_type: &str, host: &str, body: &[u8]) -> String {
    format!(
        "POST\n{path}\n\ncontent-type:{content_type}\nhost:{host}\n\n{SIGNED_HEADERS}\n{}",
        sha256_hex(body)
    )
}

fn string_to_sign(at: &Stamp, canonical_request: &str) -> String {
    format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        at.seconds,
        at.scope(),
        sha256_hex(canonical_request.as_bytes())
    )
}

fn secret_date(account: &Account, date: &str) -> [u8; 32] {
    let secret = format!("TC3{}", account.secret.expose_secret());
    hmac_sha256(secret.as_bytes(), date.as_bytes())
}

fn signing_key(secret_date: &[u8; 32]) -> [u8; 32] {
    hmac_sha256(
        &hmac_sha256(secret_date, SERVICE.as_bytes()),
        b"tc3_request",
    )
}

fn signature(account: &Account, at: &Stamp, canonical_request: &str) -> String {
    let key = signing_key(&secret_date(account, &at.date));
    hex(&hmac_sha256(
        &key,
        string_to_sign(at, canonical_request).as_bytes(),
    ))
}

fn authorization(account: &Account, at: &Stamp, canonical_request: &str) -> String {
    format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={SIGNED_HEADERS}, Signature={}",
        account.id(),
        at.scope(),
        signature(account, at, canonical_request)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        action: String,
        input: Value,
        credentials: Keys,
        region: String,
        timestamp: i64,
        request: Wire,
        canonical_request: String,
        string_to_sign: String,
        secret_date_hex: String,
        signing_key_hex: String,
        signature: String,
    }

    #[derive(Deserialize)]
    struct Keys {
        secret_id: String,
        secret_key: String,
    }

    #[derive(Deserialize)]
    struct Wire {
        host: String,
        path: String,
        headers: BTreeMap<String, String>,
        body_utf8: String,
        body_sha256: String,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../vectors/tencent_tc3.json");
        let vectors = serde_json::from_str::<Vectors>(text).unwrap().vectors;
        assert_eq!(vectors.len(), 3);
        vectors
    }

    fn account(keys: &Keys) -> Account {
        Account::new(keys.secret_id.clone(), keys.secret_key.as_str().into()).unwrap()
    }

    #[test]
    fn requests_are_signed_octet_for_octet_as_the_official_library_signs_them() {
        for vector in vectors() {
            let (name, wire) = (&vector.name, &vector.request);
            let account = account(&vector.credentials);
            let at = Stamp::of(UnixMillis(vector.timestamp * 1000));
            assert_eq!(sha256_hex(wire.body_utf8.as_bytes()), wire.body_sha256);
            let canonical = canonical_request(
                &wire.path,
                &wire.headers["content-type"],
                &wire.host,
                wire.body_utf8.as_bytes(),
            );
            assert_eq!(canonical, vector.canonical_request, "{name}");
            assert_eq!(
                string_to_sign(&at, &canonical),
                vector.string_to_sign,
                "{name}"
            );
            let secret_date = secret_date(&account, &at.date);
            assert_eq!(hex(&secret_date), vector.secret_date_hex, "{name}");
            assert_eq!(
                hex(&signing_key(&secret_date)),
                vector.signing_key_hex,
                "{name}"
            );
            assert_eq!(
                signature(&account, &at, &canonical),
                vector.signature,
                "{name}"
            );
            assert_eq!(
                authorization(&account, &at, &canonical),
                wire.headers["authorization"],
                "{name}"
            );
        }
    }

    #[test]
    fn a_request_of_ours_means_what_the_official_library_sends() {
        for vector in vectors() {
            let wire = &vector.request;
            let service = Service {
                endpoint: Endpoint::parse(&format!("https://{}", wire.host)).unwrap(),
                account: account(&vector.credentials),
                region: vector.region.clone(),
            };
            let moment = Moment {
                now: UnixMillis(vector.timestamp * 1000 + 999),
                nonce: String::new(),
            };
            let request = service
                .request(&vector.action, &vector.input, &moment)
                .unwrap();
            let theirs: Value = serde_json::from_str(&wire.body_utf8).unwrap();
            let ours: Value = serde_json::from_slice(request.body()).unwrap();
            assert_eq!(ours, theirs, "{}", vector.name);
            assert_eq!(request.uri().to_string(), format!("https://{}/", wire.host));
            for name in [
                "content-type",
                "host",
                "x-tc-action",
                "x-tc-version",
                "x-tc-timestamp",
                "x-tc-region",
            ] {
                assert_eq!(request.headers()[name], wire.headers[name], "{name}");
            }
        }
    }
}
