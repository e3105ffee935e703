//! What every request meets first and every answer last: its id, the common headers, CORS, the body of an error.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use hyper::body::Body as _;

use super::error::{ApiError, Manner};
use super::{Gate, cors};

/// Names one request in its answer and in the log.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RequestId(HeaderValue);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn receive(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers());
    let manner = Manner::of(request.uri().path(), request.headers());
    let asked = cors::Asked::of(&request, &gate.config().server.cors_origins);
    let method = request.method().clone();

    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| ApiError::Panicked.into_response());
    if method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response = asked.options(&response);
    }
    response = with_body(response, manner, &id);
    asked.allow(response.headers_mut());
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id.0);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match method == Method::HEAD {
        true => without_body(response),
        false => response,
    }
}

/// The answer to HEAD: that to GET, except for its body.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact()
        && length > 0
    {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = Body::empty();
    response
}

/// Gives an error its body; every other answer has one.
fn with_body(mut response: Response, manner: Manner, id: &RequestId) -> Response {
    let error = match response.extensions_mut().remove::<Arc<ApiError>>() {
        Some(error) => error,
        // The router's own refusal.
        None if response.status() == StatusCode::METHOD_NOT_ALLOWED => {
            Arc::new(ApiError::MethodNotAllowed)
        }
        None => return response,
    };
    let mut answer = error.answer(manner, id);
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

impl RequestId {
    /// The caller's own, if it is one; else a new one.
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).filter(|value| {
            let fits = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
            (1..=64).contains(&value.len()) && value.as_bytes().iter().all(fits)
        });
        given.cloned().map_or_else(Self::mint, Self)
    }

    pub(super) fn mint() -> Self {
        let id = format!("{:032x}", rand::random::<u128>());
        Self(HeaderValue::try_from(id).expect("hexadecimal digits are a header's value"))
    }

    pub(super) fn as_str(&self) -> &str {
        self.0
            .to_str()
            .expect("both the caller's and ours are ASCII by construction")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_its_own_id_only_if_it_is_harmless() {
        let long = "x".repeat(65);
        for (given, kept) in [
            ("order-7_a.B", true),
            ("", false),
            ("two words", false),
            ("a\tb", false),
            (long.as_str(), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(given).unwrap());
            assert_eq!(RequestId::of(&headers).as_str() == given, kept, "{given}");
        }
        assert_eq!(RequestId::of(&HeaderMap::new()).as_str().len(), 32);
    }
}
