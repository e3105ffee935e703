//! Requests as their parts: the body within its limits, a JSON object field by field, the query, the headers.
//!
//! Everything that is wrong with a request is gathered before it is refused, so that a caller mends it once.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::Gate;
use super::error::{ApiError, Problem};
use crate::domain::{BatchId, MessageId};

/// The body in full.
///
/// # Errors
/// `payload_too_large` before or while it comes, `request_timeout` when it does not come.
pub(super) async fn read_body(
    headers: &HeaderMap,
    body: Body,
    largest: usize,
    patience: Duration,
) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::BodyTooLarge { limit: largest };
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > largest as u64) {
        return Err(too_large());
    }
    let reading = Limited::new(body, largest).collect();
    match tokio::time::timeout(patience, reading).await {
        Ok(Ok(read)) => Ok(read.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::invalid("the body ended before it was complete")),
        Err(_) => Err(ApiError::TooSlow("the body")),
    }
}

/// # Errors
/// `unsupported_media_type` for everything but `application/json` in UTF-8.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let media = headers.get(header::CONTENT_TYPE);
    let media = media
        .and_then(|media| media.to_str().ok())
        .unwrap_or_default();
    let mut pieces = media.split(';').map(str::trim);
    let is_json = pieces
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let is_unicode = pieces.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            let charset = charset.trim().trim_matches('"');
            ["utf-8", "utf8", "us-ascii"]
                .iter()
                .any(|known| charset.eq_ignore_ascii_case(known))
        }
        _ => true,
    });
    (is_json && is_unicode)
        .then_some(())
        .ok_or(ApiError::NotJson)
}

/// A JSON object from which fields are taken by name.
#[derive(Debug)]
pub(super) struct Fields {
    left: Map<String, Value>,
    problems: Vec<Problem>,
}

/// Longer names of unknown fields are not repeated in full.
const LONGEST_ECHO: usize = 64;
/// Mistakes that one answer names: the answer to a body full of them is not to be longer than the body.
const MOST_NAMED: usize = 20;

impl Fields {
    /// # Errors
    /// When it is no JSON object. The message names the place, never what stands there.
    pub(super) fn parse(octets: &[u8]) -> Result<Self, ApiError> {
        if octets.is_empty() {
            return Err(ApiError::invalid(
                "the body is empty; it must be a JSON object",
            ));
        }
        // To a Value only the syntax can be wrong: such errors name line and column, and no content.
        match serde_json::from_slice(octets) {
            Ok(Value::Object(left)) => Ok(Self {
                left,
                problems: Vec::new(),
            }),
            Ok(_) => Err(ApiError::invalid("the body must be a JSON object")),
            Err(error) => Err(ApiError::invalid(format!("the body is not JSON: {error}"))),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.refuse(name, "must be a string"),
        }
    }

    /// An array of strings.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        const MUST: &str = "must be an array of strings";
        let Value::Array(list) = self.take(name)? else {
            return self.refuse(name, MUST);
        };
        let mut texts = Vec::with_capacity(list.len());
        for value in list {
            let Value::String(text) = value else {
                return self.refuse(name, MUST);
            };
            texts.push(text);
        }
        Some(texts)
    }

    /// An object as it is.
    pub(super) fn object(&mut self, name: &'static str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(object) => Some(object),
            _ => self.refuse(name, "must be an object"),
        }
    }

    /// Whether it is there, as null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.left.get(name).is_some_and(Value::is_null)
    }

    pub(super) fn whole(&mut self, name: &'static str) -> Option<i64> {
        match self.take(name)?.as_i64() {
            Some(number) => Some(number),
            None => self.refuse(name, "must be a whole number"),
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.refuse(name, "must be true or false"),
        }
    }

    /// An array of objects, each with its place.
    pub(super) fn objects(&mut self, name: &'static str) -> Option<Vec<Self>> {
        let Value::Array(list) = self.take(name)? else {
            return self.refuse(name, "must be an array of objects");
        };
        let mut objects = Vec::with_capacity(list.len());
        for value in list {
            let Value::Object(left) = value else {
                return self.refuse(name, "must be an array of objects");
            };
            objects.push(Self {
                left,
                problems: Vec::new(),
            });
        }
        Some(objects)
    }

    /// Takes over what is wrong with an object inside this one.
    pub(super) fn adopt(&mut self, name: &str, index: usize, inner: Self) {
        let within = |field: String| format!("{name}[{index}].{field}");
        self.problems
            .extend(inner.problems.into_iter().map(|problem| {
                Problem {
                    field: Some(
                        problem
                            .field
                            .map_or_else(|| format!("{name}[{index}]"), within),
                    ),
                    message: format!("{name}[{index}]: {}", problem.message),
                    ..problem
                }
            }));
    }

    /// `null` is as good as nothing.
    fn take(&mut self, name: &'static str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// Notes that the field is not as it must be.
    pub(super) fn refuse<T>(&mut self, name: &'static str, must: &str) -> Option<T> {
        self.wrong(name, "invalid_request", format!("{name} {must}"))
    }

    pub(super) fn wrong<T>(
        &mut self,
        name: &'static str,
        code: &'static str,
        message: String,
    ) -> Option<T> {
        self.problems.push(Problem {
            field: Some(name.into()),
            code,
            message,
        });
        None
    }

    /// Whether the field was refused already: then there is no need to say that it is missing.
    pub(super) fn is_refused(&self, name: &str) -> bool {
        let mut refused = self.problems.iter().filter_map(|one| one.field.as_deref());
        refused.any(|field| field == name)
    }

    /// Notes a field that this request does not have, if it is given.
    pub(super) fn refuse_unknown(&mut self, name: &str) {
        if self.left.remove(name).is_some() {
            self.problems.push(unknown_field(name, "field"));
        }
    }

    pub(super) fn note(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    /// Adds a field that was read elsewhere.
    pub(super) fn put(&mut self, name: &str, text: String) {
        self.left.insert(name.into(), Value::String(text));
    }

    /// Notes every field that nobody took.
    pub(super) fn refuse_the_rest(&mut self) {
        let names = self.left.keys().take(MOST_NAMED);
        let unknown = names.map(|name| unknown_field(name, "field"));
        let unnamed = self.left.len().saturating_sub(MOST_NAMED);
        let more = (unnamed > 0).then(|| Problem {
            field: None,
            code: "unknown_field",
            message: format!("and {unnamed} more that this request does not have"),
        });
        let unknown = unknown.chain(more);
        // First, because a misspelt name is why something else is missing.
        self.problems.splice(..0, unknown);
    }

    /// What was read, unless something was wrong.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(ApiError::Invalid(self.problems)),
        }
    }
}

fn unknown_field(name: &str, what: &str) -> Problem {
    let shown: String = name.chars().take(LONGEST_ECHO).collect();
    Problem {
        message: format!("{shown:?} is no {what} of this request"),
        field: Some(shown),
        code: "unknown_field",
    }
}

/// The parameters of a URL, of which only the named ones are known.
#[derive(Debug)]
pub(super) struct Query {
    given: Vec<(String, String)>,
    pub(super) problems: Vec<Problem>,
}

impl Query {
    /// # Errors
    /// `unknown_field` for parameters that are not among `known`.
    pub(super) fn of(uri: &Uri, known: &[&str]) -> Result<Self, ApiError> {
        let query = uri.query().unwrap_or_default();
        let given: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let mut problems = Vec::new();
        for (at, (name, _)) in given.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                problems.push(unknown_field(name, "parameter"));
            } else if given[..at].iter().any(|(earlier, _)| earlier == name) {
                problems.push(Problem {
                    field: Some(name.clone()),
                    code: "invalid_request",
                    message: format!("{name} is given twice"),
                });
            }
        }
        match problems.is_empty() {
            true => Ok(Self { given, problems }),
            false => Err(ApiError::Invalid(problems)),
        }
    }

    /// The parameter's value.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The parameter, read by `parse`; noted as a problem when that gives `None`.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        must: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let read = parse(self.raw(name)?);
        if read.is_none() {
            self.wrong(name, "invalid_request", format!("{name} {must}"));
        }
        read
    }

    pub(super) fn wrong(&mut self, name: &str, code: &'static str, message: String) {
        self.problems.push(Problem {
            field: Some(name.into()),
            code,
            message,
        });
    }
}

impl Gate {
    /// The body of a request as a JSON object.
    pub(super) async fn fields(&self, request: Request) -> Result<Fields, ApiError> {
        let server = &self.config().server;
        let (head, body) = request.into_parts();
        require_json(&head.headers)?;
        let octets = read_body(&head.headers, body, server.max_body, server.body_timeout).await?;
        Fields::parse(&octets)
    }
}

/// A path's `{id}`, decoded.
#[derive(Debug)]
pub(super) struct Id(pub(super) String);

impl FromRequestParts<Gate> for Id {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, ApiError> {
        let path = Path::from_request_parts(parts, gate).await;
        path.map(|Path(id)| Self(id))
            .map_err(|_| ApiError::NotFound)
    }
}

impl Id {
    /// # Errors
    /// `not_found` for what can never have been a message's id.
    pub(super) fn message(&self) -> Result<MessageId, ApiError> {
        MessageId::parse(&self.0).ok_or(ApiError::NotFound)
    }

    /// # Errors
    /// `not_found` for what can never have been a batch's id.
    pub(super) fn batch(&self) -> Result<BatchId, ApiError> {
        BatchId::parse(&self.0).ok_or(ApiError::NotFound)
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The request's Idempotency-Key, if it has one.
///
/// # Errors
/// When it is not 1 to 128 printable ASCII characters, or there are several.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&[u8]>, ApiError> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else {
        return Ok(None);
    };
    let octets = key.as_bytes();
    let printable = octets.iter().all(|octet| (b' '..=b'~').contains(octet));
    if given.next().is_some() || !printable || !(1..=128).contains(&octets.len()) {
        return Err(ApiError::invalid(
            "Idempotency-Key must be one header of 1 to 128 printable ASCII characters",
        ));
    }
    Ok(Some(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_type(media: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media.parse().unwrap());
        headers
    }

    #[test]
    fn json_is_asked_for_by_its_name() {
        for media in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
        ] {
            assert!(require_json(&with_type(media)).is_ok(), "{media}");
        }
        for media in [
            "text/plain",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "application/json; charset=iso-8859-1",
        ] {
            assert!(require_json(&with_type(media)).is_err(), "{media}");
        }
        assert!(require_json(&HeaderMap::new()).is_err());
    }

    #[test]
    fn the_answer_to_a_body_full_of_unknown_fields_is_short() {
        let names: Vec<String> = (0..10_000).map(|at| format!("\"field{at}\":0")).collect();
        let mut fields = Fields::parse(format!("{{{}}}", names.join(",")).as_bytes()).unwrap();
        fields.refuse_the_rest();
        let Err(ApiError::Invalid(problems)) = fields.finish(Some(())) else {
            panic!("it was accepted");
        };
        assert_eq!(problems.len(), MOST_NAMED + 1);
        let last = &problems[MOST_NAMED];
        assert_eq!(
            last.message,
            "and 9980 more that this request does not have"
        );
    }

    #[test]
    fn every_problem_is_told_at_once_and_unknown_fields_first() {
        let octets = br#"{"to": 5, "flash": "yes", "ttl": 1.5, "colour": "red", "text": null}"#;
        let mut fields = Fields::parse(octets).unwrap();
        assert_eq!(fields.text("to"), None);
        assert_eq!(fields.flag("flash"), None);
        assert_eq!(fields.whole("ttl"), None);
        assert_eq!(fields.text("text"), None);
        assert!(fields.is_refused("to") && !fields.is_refused("text"));
        fields.refuse_the_rest();
        let Err(ApiError::Invalid(problems)) = fields.finish(Some(())) else {
            panic!("it was accepted");
        };
        let told: Vec<_> = problems
            .iter()
            .map(|one| (one.field.as_deref().unwrap(), one.code))
            .collect();
        assert_eq!(
            told,
            [
                ("colour", "unknown_field"),
                ("to", "invalid_request"),
                ("flash", "invalid_request"),
                ("ttl", "invalid_request"),
            ]
        );
    }

    #[test]
    fn deep_and_doubled_and_broken_json_is_only_ever_refused_or_read() {
        let deep = "[".repeat(100_000);
        let deep_object = format!("{{\"a\":{deep}");
        for octets in [
            b"".as_slice(),
            b"{",
            b"[]",
            b"null",
            b"{\"a\":1,}",
            b"\xff\xfe{}",
            b"{\"a\":\"\xff\"}",
            br#"{"text":"\ud83d"}"#,
            br#"{"text":"\udc00\ud83d"}"#,
            deep.as_bytes(),
            deep_object.as_bytes(),
        ] {
            assert!(Fields::parse(octets).is_err());
        }
        let mut doubled = Fields::parse(br#"{"to":"1","to":"2"}"#).unwrap();
        assert_eq!(doubled.text("to").as_deref(), Some("2"));
    }

    #[test]
    fn a_query_knows_its_parameters() {
        let query = |uri: &str| Query::of(&uri.parse().unwrap(), &["limit", "to"]);
        assert_eq!(query("/x?limit=5&to=%2B49").unwrap().raw("to"), Some("+49"));
        assert!(query("/x?colour=red").is_err());
        assert!(query("/x?limit=5&limit=6").is_err());
        assert!(query("/x").unwrap().raw("to").is_none());
    }

    #[test]
    fn an_idempotency_key_is_short_and_printable() {
        let key = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            let value = http::HeaderValue::from_bytes(value).unwrap();
            headers.insert(IDEMPOTENCY_KEY, value);
            idempotency_key(&headers).map(|key| key.map(<[u8]>::to_vec))
        };
        assert_eq!(key(b"order 1").unwrap().unwrap(), b"order 1");
        assert!(key(&[b'k'; 128]).is_ok());
        for bad in [b"".as_slice(), &[b'k'; 129], b"a\tb", "ü".as_bytes()] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }
}
