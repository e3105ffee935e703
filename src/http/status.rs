//! `/status/sms` (http-api.md group A): what became of a batch, and of each message in it.

use axum::extract::State;
use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::Gate;
use super::auth::{Admitted, Scope};
use super::envelope::{self, Paging};
use super::error::ApiError;
use super::extract::Id;
use crate::domain::MessageState;
use crate::store::MessageView;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchJson<'a> {
    batch_id: &'a str,
    status: &'static str,
    /// Accepted messages.
    total: i64,
    success: i64,
    failed: i64,
    created_at: String,
    completed_at: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemJson<'a> {
    id: &'a str,
    /// As the caller wrote it.
    phone_number: &'a str,
    status: String,
    error: Option<String>,
    send_time: Option<String>,
    delivery_time: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageJson<'a> {
    #[serde(flatten)]
    item: ItemJson<'a>,
    batch_id: Option<&'a str>,
    content: &'a str,
}

/// `GET /status/sms/batch/:batchId`
pub(super) async fn batch(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let found = gate.store().batch(id.batch()?, caller.sees()).await?;
    let view = found.ok_or(ApiError::NotFound)?;
    Ok(envelope::shown(&BatchJson {
        batch_id: view.id.as_str(),
        status: view.state.as_str(),
        total: view.tally.total(),
        success: view.tally.success,
        failed: view.tally.failed,
        created_at: view.created_at.to_seconds(),
        completed_at: view.completed_at.map(|at| at.to_seconds()),
    }))
}

/// `GET /status/sms/batch/:batchId/messages`: in the order in which they were asked for.
pub(super) async fn messages(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let paging = Paging::of(&uri)?;
    let state = match paging.raw("status") {
        None => None,
        Some(word) => {
            let state = MessageState::parse(&word.to_ascii_lowercase());
            Some(state.ok_or_else(|| ApiError::invalid("status must be a status of a message"))?)
        }
    };
    let found = gate
        .store()
        .batch_messages(
            id.batch()?,
            caller.sees(),
            state,
            paging.skip(),
            paging.size,
        )
        .await?;
    let (messages, total) = found.ok_or(ApiError::NotFound)?;
    let items = messages.iter().map(item).collect();
    Ok(envelope::shown(&paging.page_of(items, total)))
}

/// `GET /status/sms/message/:messageId`
pub(super) async fn message(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let found = gate.store().message(id.message()?, caller.sees()).await?;
    let view = found.ok_or(ApiError::NotFound)?;
    Ok(envelope::shown(&MessageJson {
        item: item(&view),
        batch_id: view.batch.as_ref().map(|id| id.as_str()),
        content: view.text.expose(),
    }))
}

fn item(view: &MessageView) -> ItemJson<'_> {
    let error = view.error.as_ref();
    ItemJson {
        id: view.id.as_str(),
        phone_number: &view.to_raw,
        status: view.state.as_str().to_ascii_uppercase(),
        // While it waits to be tried again its last set-back is no final error.
        error: error
            .filter(|_| {
                !matches!(
                    view.state,
                    MessageState::Scheduled | MessageState::Queued | MessageState::Sending
                )
            })
            .map(|(code, message)| format!("{code}: {message}")),
        send_time: view.sent_at.map(|at| at.to_seconds()),
        delivery_time: view.delivered_at.map(|at| at.to_seconds()),
    }
}
