//! Cross-origin requests by `server.cors_origins`. It opens doors for browsers only: a key is needed all the same.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// What a request says about where it comes from.
#[derive(Debug)]
pub(super) struct Asked {
    /// The origin, if it is a listed one.
    listed: Option<HeaderValue>,
    /// It has an origin, or an answer to another one would differ.
    varies: bool,
    is_preflight: bool,
}

/// How long a browser may keep the answer to a preflight, in seconds.
const KEPT: u32 = 600;
const READABLE: &str =
    "x-request-id, location, retry-after, idempotency-replayed, www-authenticate";
const SENDABLE: &str =
    "authorization, content-type, idempotency-key, x-request-id, accept-language";

impl Asked {
    pub(super) fn of(request: &Request, origins: &[String]) -> Self {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN);
        Self {
            listed: origin.filter(|origin| is_listed(origin, origins)).cloned(),
            varies: !origins.is_empty(),
            is_preflight: origin.is_some()
                && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD),
        }
    }

    /// The answer to OPTIONS, made from the 405 with which the router names a path's methods.
    pub(super) fn options(&self, refused: &Response) -> Response {
        let methods = refused.headers().get(header::ALLOW);
        let methods = methods.and_then(|methods| methods.to_str().ok());
        let methods = format!("{},OPTIONS", methods.unwrap_or_default());
        let methods = HeaderValue::try_from(methods.trim_start_matches(','))
            .expect("the router's own header with a word behind it");
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        if self.is_preflight && self.listed.is_some() {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
            let sendable = HeaderValue::from_static(SENDABLE);
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sendable);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, KEPT.into());
        }
        headers.insert(header::ALLOW, methods);
        response
    }

    /// Lets the page of a listed origin read the answer.
    pub(super) fn allow(&self, headers: &mut HeaderMap) {
        if self.varies {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = &self.listed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let readable = HeaderValue::from_static(READABLE);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, readable);
        }
    }
}

/// `null` is never one: every sandboxed page and local file has it.
pub(super) fn is_listed(origin: &HeaderValue, origins: &[String]) -> bool {
    origin != "null"
        && origins
            .iter()
            .any(|listed| origin.as_bytes().eq_ignore_ascii_case(listed.as_bytes()))
}
