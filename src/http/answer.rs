//! Good answers: an object as JSON, with its status and its place.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::store::Answer;

pub(super) fn response(answer: &Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body.clone()));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let location = answer.location.as_deref();
    if let Some(Ok(location)) = location.map(HeaderValue::from_str) {
        headers.insert(header::LOCATION, location);
    }
    response
}

/// The object, with 200.
pub(super) fn shown(object: &impl Serialize) -> Response {
    with_status(StatusCode::OK, object)
}

pub(super) fn with_status(status: StatusCode, object: &impl Serialize) -> Response {
    response(&Answer {
        status: status.as_u16(),
        location: None,
        body: written(object),
    })
}

/// Nothing to show.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn written(object: &impl Serialize) -> String {
    serde_json::to_string(object).expect("our objects have fixed keys and finite numbers only")
}
