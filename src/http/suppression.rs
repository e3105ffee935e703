//! `/v1/suppressions` (http-api.md G8): numbers that are not to be written to. The contract names no scope for them;
//! whoever may read or send messages may read or write them.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use serde::Serialize;

use super::Gate;
use super::answer::{empty, shown, with_status};
use super::auth::{Admitted, Scope};
use super::cursor::{Listing, Page};
use super::error::ApiError;
use super::extract::{Fields, Id};
use super::preference::number;
use super::submission;
use crate::domain::Reason;
use crate::domain::redact::masked_number;
use crate::store::SuppressionView;

#[derive(Debug, Serialize)]
struct SuppressionJson<'a> {
    phone: &'a str,
    reason: &'a str,
    created_at: String,
}

/// `GET /v1/suppressions`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let asked = Page::of(&uri, None)?;
    let mut suppressions = gate
        .store()
        .suppressions(asked.before, asked.one_more())
        .await?;
    let (next_cursor, has_more) = asked.cut(&mut suppressions, |one| one.seq);
    Ok(shown(&Listing {
        data: suppressions.iter().map(json).collect(),
        next_cursor,
        has_more,
    }))
}

/// `POST /v1/suppressions`: of a number that is suppressed already the reason is replaced. Asking twice is asking once.
pub(super) async fn create(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    let mut fields = gate.fields(request).await?;
    let mut rules = gate.config().numbers;
    rules.allow_short_codes = true;
    let recipient = submission::recipient(&mut fields, "phone", &rules);
    let reason = reason(&mut fields);
    fields.refuse_the_rest();
    let (recipient, reason) = fields.finish(recipient.zip(reason))?;
    let by = gate.entry(
        &caller,
        "suppression.create",
        &masked_number(recipient.to.as_str()),
    );
    let made = gate.store().suppress(recipient.to, reason, by).await?;
    Ok(with_status(StatusCode::CREATED, &json(&made)))
}

fn reason(fields: &mut Fields) -> Option<Reason> {
    const NAME: &str = "reason";
    const MUST: &str =
        "must be a word such as block, stop or complaint: at most 32 of a-z, 0-9, - and _";
    match fields.text(NAME) {
        Some(given) => Reason::parse(&given).or_else(|| fields.refuse(NAME, MUST)),
        None if fields.is_refused(NAME) => None,
        None => fields.refuse(NAME, "is missing"),
    }
}

/// `DELETE /v1/suppressions/{phone}`
pub(super) async fn remove(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    phone: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    let number = number(&gate, &phone)?;
    let by = gate.entry(
        &caller,
        "suppression.delete",
        &masked_number(number.as_str()),
    );
    match gate.store().lift_suppression(number, by).await? {
        true => Ok(empty(StatusCode::NO_CONTENT)),
        false => Err(ApiError::NotFound),
    }
}

fn json(suppression: &SuppressionView) -> SuppressionJson<'_> {
    SuppressionJson {
        phone: suppression.number.as_str(),
        reason: suppression.reason.as_str(),
        created_at: suppression.created_at.to_string(),
    }
}
