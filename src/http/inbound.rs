//! `/v1/inbox` (http-api.md G4): texts that came in. Reading only.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::Gate;
use super::answer::shown;
use super::auth::{Admitted, Scope};
use super::cursor::{self, ListId, Listing};
use super::error::ApiError;
use super::extract::{Id, Query};
use super::message::{moment, plus_restored};
use crate::domain::{InboundId, ModemName, Sender};
use crate::store::{InboundView, InboxFilter};

#[derive(Debug, Serialize)]
struct InboundJson<'a> {
    id: &'a str,
    /// A number, or a name; null where the PDU cannot be read.
    from: Option<&'a str>,
    /// Our own number; null where the SIM does not tell it.
    to: Option<&'a str>,
    modem: &'a str,
    text: &'a str,
    encoding: &'static str,
    parts: u8,
    complete: bool,
    /// When it appeared here: whole, or when the wait for a missing part was over.
    received_at: String,
    /// When its service centre took it; null where its stamp is no time.
    smsc_at: Option<String>,
    read: bool,
}

const FILTERS: [&str; 7] = [
    "limit", "cursor", "from", "modem", "unread", "since", "until",
];

/// `GET /v1/inbox`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::InboxRead)?;
    let mut query = Query::of(&uri, &FILTERS)?;
    let limit = cursor::limit(&mut query);
    let list = {
        let filters = FILTERS[2..].iter().map(|name| query.raw(name));
        ListId::of(std::iter::once(Some(uri.path())).chain(filters))
    };
    let mut filter = InboxFilter {
        from: query.raw("from").map(|from| forms(&gate, from)),
        modem: query
            .read("modem", "must be the name of a modem", ModemName::parse)
            .map(|modem| modem.as_str().to_owned()),
        unread: query.read("unread", "must be true or false", |word| word.parse().ok()),
        since: query.read("since", "must be a time by RFC 3339", moment),
        until: query.read("until", "must be a time by RFC 3339", moment),
        before: None,
    };
    if !query.problems.is_empty() {
        return Err(ApiError::Invalid(query.problems));
    }
    let cursor = query.raw("cursor");
    filter.before = cursor.map(|cursor| list.position(cursor)).transpose()?;
    let page = gate.store().inbox(filter, limit).await?;
    let last = page.texts.last().filter(|_| page.has_more);
    Ok(shown(&Listing {
        data: page.texts.iter().map(json).collect(),
        next_cursor: last.map(|last| list.behind(last.seq)),
        has_more: page.has_more,
    }))
}

/// `GET /v1/inbox/{id}`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    Id(id): Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::InboxRead)?;
    Query::of(&uri, &[])?;
    let id = InboundId::parse(&id).ok_or(ApiError::NotFound)?;
    let text = gate.store().inbound(id).await?.ok_or(ApiError::NotFound)?;
    Ok(shown(&json(&text)))
}

/// A sender as asked for, and as a number of ours would be written: networks write both.
fn forms(gate: &Gate, from: &str) -> [String; 2] {
    let asked = plus_restored(from);
    let number = gate.config().numbers.parse(&asked);
    let written = number.map_or_else(|_| asked.clone(), |number| number.as_str().to_owned());
    [asked, written]
}

fn json(text: &InboundView) -> InboundJson<'_> {
    InboundJson {
        id: text.id.as_str(),
        from: text.from.as_ref().map(Sender::expose),
        to: text.to.as_deref(),
        modem: &text.modem,
        text: text.text.expose(),
        encoding: text.encoding.as_str(),
        parts: text.parts,
        complete: text.complete,
        received_at: text.received_at.to_string(),
        smsc_at: text.smsc_at.map(|at| at.to_string()),
        read: text.read,
    }
}
