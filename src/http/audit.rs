//! `/v1/audit` (http-api.md G8): who did what. For administrators only.
//!
//! On record are the changes that people make to the gateway itself: keys, templates, suppressions, preferences, routes
//! and modems. What becomes of a message is in its own events.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::Gate;
use super::answer::shown;
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{self, ListId, Listing};
use super::error::ApiError;
use super::extract::Query;
use crate::store::{AuditEntry, Audited};

#[derive(Debug, Serialize)]
struct AuditJson<'a> {
    /// The id of a key, or `admin`.
    key: &'a str,
    action: &'a str,
    object: Option<&'a str>,
    address: Option<&'a str>,
    time: String,
}

/// `GET /v1/audit`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::Admin)?;
    let mut query = Query::of(&uri, &["limit", "cursor"])?;
    let limit = cursor::limit(&mut query);
    if !query.problems.is_empty() {
        return Err(ApiError::Invalid(query.problems));
    }
    let list = ListId::of([Some(uri.path())]);
    let cursor = query.raw("cursor");
    let before = cursor.map(|cursor| list.position(cursor)).transpose()?;
    // One more than the page shows whether there is another.
    let mut entries = gate.store().audited(before, limit + 1).await?;
    let has_more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let last = entries.last().filter(|_| has_more);
    Ok(shown(&Listing {
        next_cursor: last.map(|last| list.behind(last.seq)),
        data: entries.iter().map(json).collect(),
        has_more,
    }))
}

fn json(entry: &Audited) -> AuditJson<'_> {
    AuditJson {
        key: &entry.key,
        action: &entry.action,
        object: entry.object.as_deref(),
        address: entry.address.as_deref(),
        time: entry.at.to_string(),
    }
}

impl Gate {
    /// What is put on record of what this caller does now.
    pub(super) fn entry(&self, caller: &Caller, action: &'static str, object: &str) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            key: caller.name().to_owned(),
            action,
            object: object.to_owned(),
            address: caller.address().map(|address| address.to_string()),
        }
    }
}
