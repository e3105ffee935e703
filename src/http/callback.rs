//! `/callbacks/<provider>/…` (http-api.md group H): what providers say became of a text.
//!
//! The provider's reader says whether a callback is proven and what it means; it is answered after the COMMIT. What is
//! unknown, comes twice or too late is thanked for all the same: a provider that is refused says it again.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tracing::{info, warn};

use super::Gate;
use super::error::ApiError;
use super::extract::read_body;
use crate::domain::RouteName;
use crate::domain::callback::{Callback, CallbackReader, Disbelief, Thanks};
use crate::store::MatchedDelivery;

/// The providers that may call, by the names of their sections.
pub(crate) type Readers = BTreeMap<String, (RouteName, Arc<dyn CallbackReader>)>;

/// Reports in one callback that are looked at; providers that batch send up to a hundred.
const MOST_AT_ONCE: usize = 1000;

/// Without anything behind the provider's name.
pub(super) async fn bare(
    State(gate): State<Gate>,
    Path(provider): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    receive(&gate, &provider, request).await.map(thanked)
}

pub(super) async fn deep(
    State(gate): State<Gate>,
    Path((provider, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    receive(&gate, &provider, request).await.map(thanked)
}

async fn receive(gate: &Gate, provider: &str, request: Request) -> Result<Thanks, ApiError> {
    let known = gate.0.parts.callbacks.get(provider);
    let (route, reader) = known.ok_or(ApiError::NotFound)?;
    let (head, body) = request.into_parts();
    let server = &gate.config().server;
    let body = read_body(&head.headers, body, server.max_body, server.body_timeout).await?;
    let said = {
        let query = head.uri.query().unwrap_or_default();
        let url =
            gate.as_seen_from_outside(head.uri.path_and_query().map_or("/", |at| at.as_str()));
        let callback = Callback {
            method: &head.method,
            url: &url,
            tail: tail(head.uri.path(), provider),
            query,
            headers: &head.headers,
            body: &body,
            now: gate.now(),
        };
        reader.read(&callback)
    };
    let deliveries = match said {
        Ok(deliveries) => deliveries,
        Err(Disbelief::Unproven) => {
            warn!(
                provider,
                "a callback is not signed as its section says: look at server.public_url and the section's secrets"
            );
            return Err(ApiError::Unauthorized(
                "the callback is not signed as its section says",
            ));
        }
        Err(Disbelief::NoSuchPath) => return Err(ApiError::NotFound),
        Err(Disbelief::Unreadable) => {
            warn!(provider, "a callback cannot be read");
            return Err(ApiError::invalid("the callback cannot be read"));
        }
    };
    for delivery in deliveries.into_iter().take(MOST_AT_ONCE) {
        let matched = gate
            .store()
            .provider_report(route.clone(), delivery, gate.now())
            .await?;
        if matched == MatchedDelivery::Unknown {
            info!(
                provider,
                "a delivery report names nothing that was sent from here"
            );
        }
    }
    Ok(reader.thanks())
}

fn thanked(thanks: Thanks) -> Response {
    let status = StatusCode::from_u16(thanks.status).unwrap_or(StatusCode::OK);
    let mut headers = HeaderMap::new();
    if !thanks.content_type.is_empty() {
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(thanks.content_type),
        );
    }
    (status, headers, thanks.body).into_response()
}

/// What stands behind `/callbacks/<provider>/`, as it was written.
fn tail<'a>(path: &'a str, provider: &str) -> &'a str {
    path.strip_prefix("/callbacks/")
        .and_then(|rest| rest.strip_prefix(provider))
        .map_or("", |rest| rest.trim_start_matches('/'))
}

impl Gate {
    /// The URL that the provider called: a proxy in front of us may have changed what is left of it here.
    fn as_seen_from_outside(&self, path_and_query: &str) -> String {
        let base = self.0.parts.public_base.as_deref().unwrap_or_default();
        format!("{base}{path_and_query}")
    }
}
