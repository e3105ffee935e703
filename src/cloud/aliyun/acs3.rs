//! ACS3-HMAC-SHA256: how a request to Alibaba Cloud is signed, and the signed request itself.
//!
//! Every parameter is in the query string and the body is empty, as the provider's own libraries do it.
//!
//! Never: draws a nonce, reads a clock, knows what an action means.

use secrecy::{ExposeSecret, SecretString};

use crate::cloud::account::Account;
use crate::cloud::digest::{hex, hmac_sha256, sha256_hex};
use crate::cloud::endpoint::Endpoint;
use crate::cloud::percent::encoded;
use crate::cloud::{Moment, Unfit};
use crate::https::Request;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// The version of both products that are spoken to here, Dysmsapi and Dypnsapi.
const VERSION: &str = "2017-05-25";

/// `x-acs-content-sha256` of an empty body.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A parameter of an action.
pub(crate) type Parameter = (&'static str, String);

/// The signed request of one action.
///
/// # Errors
/// A credential cannot stand in a header, or the parameters are too long for a URL.
pub(crate) fn request(
    endpoint: &Endpoint,
    account: &Account,
    action: &str,
    parameters: &[Parameter],
    moment: &Moment,
) -> Result<Request, Unfit> {
    let query = canonical_query(parameters);
    let mut headers = vec![
        ("host", endpoint.authority().to_owned()),
        ("x-acs-action", action.to_owned()),
        ("x-acs-content-sha256", EMPTY_SHA256.to_owned()),
        ("x-acs-date", moment.now.to_seconds()),
        ("x-acs-signature-nonce", moment.nonce.clone()),
        ("x-acs-version", VERSION.to_owned()),
    ];
    let signed: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let canonical = canonical_request("POST", endpoint.path(), &query, &signed, EMPTY_SHA256);
    let authorization = authorization(account, &signed, &canonical);
    headers.push(("authorization", authorization));
    headers.push(("accept", "application/json".to_owned()));
    endpoint.post(&query, headers, "")
}

/// Sorted by name and encoded. It is also what is sent, so that what is signed and what is sent cannot differ.
pub(crate) fn canonical_query(parameters: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    let mut pairs: Vec<(&str, &str)> = parameters
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    pairs.join("&")
}

/// `headers`: names in lower case, in any order.
fn canonical_request(
    method: &str,
    path: &str,
    canonical_query: &str,
    headers: &[(&str, &str)],
    body_sha256: &str,
) -> String {
    let lines: String = sorted(headers)
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", value.trim()))
        .collect();
    format!(
        "{method}\n{path}\n{canonical_query}\n{lines}\n{}\n{body_sha256}",
        signed_headers(headers)
    )
}

fn signed_headers(headers: &[(&str, &str)]) -> String {
    let names: Vec<&str> = sorted(headers).iter().map(|(name, _)| *name).collect();
    names.join(";")
}

fn sorted<'a>(headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut headers = headers.to_vec();
    headers.sort_unstable();
    headers
}

fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()))
}

fn signature(secret: &SecretString, string_to_sign: &str) -> String {
    hex(&hmac_sha256(
        secret.expose_secret().as_bytes(),
        string_to_sign.as_bytes(),
    ))
}

fn authorization(account: &Account, headers: &[(&str, &str)], canonical_request: &str) -> String {
    let signature = signature(&account.secret, &string_to_sign(canonical_request));
    format!(
        "{ALGORITHM} Credential={},SignedHeaders={},Signature={signature}",
        account.id(),
        signed_headers(headers)
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;
    use crate::domain::UnixMillis;

    #[derive(Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        name: String,
        action: String,
        credentials: Keys,
        timestamp: String,
        nonce: String,
        request: Wire,
        sdk_all_headers: Expected,
        documented_header_subset: Expected,
    }

    #[derive(Deserialize)]
    struct Keys {
        access_key_id: String,
        access_key_secret: String,
    }

    #[derive(Deserialize)]
    struct Wire {
        method: String,
        host: String,
        path: String,
        raw_query: String,
        query: Vec<(String, String)>,
        headers: BTreeMap<String, String>,
        body_utf8: String,
        body_sha256: String,
    }

    #[derive(Deserialize)]
    struct Expected {
        signed_headers: Vec<String>,
        canonical_request: String,
        string_to_sign: String,
        signature: String,
        authorization: String,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../vectors/aliyun_acs3.json");
        serde_json::from_str::<Vectors>(text).unwrap().vectors
    }

    fn account(keys: &Keys) -> Account {
        let secret = keys.access_key_secret.as_str().into();
        Account::new(keys.access_key_id.clone(), secret).unwrap()
    }

    #[track_caller]
    fn assert_signed(vector: &Vector, expected: &Expected) {
        let name = &vector.name;
        let wire = &vector.request;
        let headers: Vec<(&str, &str)> = expected
            .signed_headers
            .iter()
            .map(|name| (name.as_str(), wire.headers[name].as_str()))
            .collect();
        let canonical = canonical_request(
            &wire.method,
            &wire.path,
            &canonical_query(&wire.query),
            &headers,
            &sha256_hex(wire.body_utf8.as_bytes()),
        );
        assert_eq!(canonical, expected.canonical_request, "{name}");
        let to_sign = string_to_sign(&canonical);
        assert_eq!(to_sign, expected.string_to_sign, "{name}");
        let account = account(&vector.credentials);
        let signature = signature(&account.secret, &to_sign);
        assert_eq!(signature, expected.signature, "{name}");
        let authorization = authorization(&account, &headers, &canonical);
        assert_eq!(authorization, expected.authorization, "{name}");
    }

    #[test]
    fn requests_are_signed_octet_for_octet_as_the_official_library_signs_them() {
        assert_eq!(vectors().len(), 6);
        for vector in vectors() {
            assert_signed(&vector, &vector.sdk_all_headers);
            assert_signed(&vector, &vector.documented_header_subset);
            let wire = &vector.request;
            assert_eq!(canonical_query(&wire.query), wire.raw_query);
            assert_eq!(sha256_hex(wire.body_utf8.as_bytes()), wire.body_sha256);
        }
    }

    #[test]
    fn a_request_of_ours_is_on_the_wire_what_the_official_library_sends() {
        let own: Vec<Vector> = vectors()
            .into_iter()
            .filter(|vector| vector.request.body_utf8.is_empty())
            .collect();
        assert_eq!(own.len(), 5);
        for vector in own {
            let wire = &vector.request;
            let endpoint = Endpoint::parse(&format!("https://{}", wire.host)).unwrap();
            let parameters: Vec<Parameter> = wire
                .query
                .iter()
                .map(|(name, value)| (&*name.clone().leak(), value.clone()))
                .collect();
            let moment = Moment {
                now: UnixMillis::parse_rfc3339(&vector.timestamp).unwrap(),
                nonce: vector.nonce.clone(),
            };
            let account = account(&vector.credentials);
            let request =
                request(&endpoint, &account, &vector.action, &parameters, &moment).unwrap();
            assert_eq!(request.method(), wire.method.as_str());
            assert_eq!(
                request.uri().to_string(),
                format!("https://{}/?{}", wire.host, wire.raw_query)
            );
            for name in [
                "host",
                "x-acs-action",
                "x-acs-version",
                "x-acs-date",
                "x-acs-signature-nonce",
                "x-acs-content-sha256",
                "accept",
            ] {
                assert_eq!(request.headers()[name], wire.headers[name], "{name}");
            }
            assert!(request.body().is_empty());
        }
    }

    #[derive(Deserialize)]
    struct KnownAnswers {
        aliyun_acs3: Vec<KnownAnswer>,
    }

    #[derive(Deserialize)]
    struct KnownAnswer {
        access_key_secret: String,
        method: String,
        path: String,
        query: BTreeMap<String, String>,
        headers: BTreeMap<String, String>,
        body: String,
        signature: String,
    }

    #[test]
    fn the_signatures_that_the_provider_has_published_are_ours() {
        let text = include_str!("../vectors/known_answers.json");
        let known: KnownAnswers = serde_json::from_str(text).unwrap();
        assert_eq!(known.aliyun_acs3.len(), 2);
        for answer in known.aliyun_acs3 {
            let headers: Vec<(&str, &str)> = answer
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let query: Vec<_> = answer.query.into_iter().collect();
            let canonical = canonical_request(
                &answer.method,
                &answer.path,
                &canonical_query(&query),
                &headers,
                &sha256_hex(answer.body.as_bytes()),
            );
            let secret = answer.access_key_secret.as_str().into();
            assert_eq!(
                signature(&secret, &string_to_sign(&canonical)),
                answer.signature
            );
        }
    }

    proptest! {
        #[test]
        fn a_canonical_query_is_sorted_and_encoded_for_any_parameters(
            parameters in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..8)
        ) {
            let parameters: Vec<(String, String)> = parameters.into_iter().rev().collect();
            let query = canonical_query(&parameters);
            let unreserved = |c: char| c.is_ascii_alphanumeric() || "-_.~%".contains(c);
            prop_assert!(query.chars().all(|c| unreserved(c) || c == '=' || c == '&'));
            let pairs: Vec<(String, String)> = query
                .split('&')
                .filter(|_| !parameters.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap();
                    let text = |part| {
                        String::from_utf8(crate::cloud::percent::decoded(part)).unwrap()
                    };
                    (text(name), text(value))
                })
                .collect();
            let mut expected = parameters;
            expected.sort();
            prop_assert_eq!(pairs, expected);
        }
    }
}
