//! Requests as the providers' own libraries make them, callbacks, and texts to send.

use http::{HeaderMap, Method};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::form::Form;
pub(super) use super::samples::{ATTEMPT, answer, body, cases, number};
use super::{Callback, Cause, Moment, Outgoing, Verdict, samples};
use crate::domain::{Body, Destination};
use crate::https::Request;

pub(super) fn moment() -> Moment {
    samples::moment("2026-01-02T03:04:05Z")
}

/// Five minutes, with a report.
pub(super) fn outgoing<'a>(to: &'a Destination, body: &'a Body) -> Outgoing<'a> {
    samples::outgoing(to, body, None)
}

/// A POST of a form to `/callbacks/<provider>/<tail>`.
pub(super) fn posted<'a>(url: &'a str, headers: &'a HeaderMap, body: &'a [u8]) -> Callback<'a> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    let below = path
        .split_once("/callbacks/")
        .map_or("", |(_, below)| below);
    Callback {
        method: &Method::POST,
        url,
        tail: below.split_once('/').map_or("", |(_, tail)| tail),
        query,
        headers,
        body,
        now: moment().now,
    }
}

/// What a provider's own library was told and what it put on the wire.
#[derive(Deserialize)]
pub(super) struct Vector {
    pub(super) name: String,
    pub(super) input: Map<String, Value>,
    pub(super) request: Wire,
}

#[derive(Deserialize)]
pub(super) struct Wire {
    method: String,
    scheme: String,
    host: String,
    path: String,
    raw_query: String,
    headers: std::collections::BTreeMap<String, String>,
    body_utf8: String,
}

pub(super) fn vectors(file: &str) -> Vec<Vector> {
    #[derive(Deserialize)]
    struct File {
        vectors: Vec<Vector>,
    }
    serde_json::from_str::<File>(file).unwrap().vectors
}

impl Vector {
    /// A word of the input, empty when there is none.
    pub(super) fn told(&self, name: &str) -> &str {
        self.input
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Method, address, credentials and all pairs that the library sent; `besides` may be there too.
    #[track_caller]
    pub(super) fn assert_fits(&self, request: &Request, besides: &[&str]) {
        let (name, wire) = (&self.name, &self.request);
        assert_eq!(request.method().as_str(), wire.method, "{name}");
        let uri = request.uri();
        let place = (uri.scheme_str(), uri.host(), uri.path());
        let expected = (wire.scheme.as_str(), wire.host.as_str(), wire.path.as_str());
        assert_eq!(
            place,
            (Some(expected.0), Some(expected.1), expected.2),
            "{name}"
        );
        let header = |one: &str| {
            request
                .headers()
                .get(one)
                .map(|value| value.to_str().unwrap())
        };
        assert_eq!(
            header("authorization"),
            Some(wire.headers["authorization"].as_str()),
            "{name}"
        );
        if wire.method == "POST" {
            let content_type = wire.headers["content-type"].as_str();
            assert_eq!(header("content-type"), Some(content_type), "{name}");
        }
        let query = uri.query().unwrap_or_default();
        assert_pairs(query.as_bytes(), wire.raw_query.as_bytes(), besides);
        assert_pairs(request.body(), wire.body_utf8.as_bytes(), besides);
    }
}

#[track_caller]
fn assert_pairs(ours: &[u8], theirs: &[u8], besides: &[&str]) {
    let sorted = |octets: &[u8]| {
        let form = Form::parse(octets);
        let mut pairs: Vec<(String, String)> = form
            .pairs()
            .filter(|(name, _)| !besides.contains(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        pairs.sort();
        pairs
    };
    assert_eq!(sorted(ours), sorted(theirs));
}

/// The cause of a refusal.
#[track_caller]
pub(super) fn refused(verdict: Verdict) -> Cause {
    match verdict {
        Verdict::Refused(refusal) => refusal.cause,
        other => panic!("{other:?}"),
    }
}
