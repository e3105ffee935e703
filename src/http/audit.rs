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
use super::cursor::{Listing, Page};
use super::error::ApiError;
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
    let page = Page::of(&uri, None)?;
    let mut entries = gate.store().audited(page.before, page.one_more()).await?;
    let (next_cursor, has_more) = page.cut(&mut entries, |entry| entry.seq);
    Ok(shown(&Listing {
        data: entries.iter().map(json).collect(),
        next_cursor,
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
