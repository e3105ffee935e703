//! `/v1/batches` (http-api.md G1): one text, many recipients.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;
use serde::Serialize;

use super::Gate;
use super::accept::{self, Asks, Beginning, Refusals};
use super::answer::{shown, written};
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{self, ListId, Listing};
use super::error::{ApiError, Problem};
use super::extract::{Fields, Id, Query};
use super::message::{self, Asked, nothing_asked};
use super::submission::{self, Recipient};
use crate::domain::{MessageSeq, NumberRules};
use crate::store::{
    Accepted, Answer, BatchSubmission, BatchView, CancelBatch, Rejected, Render, Submission,
};

#[derive(Debug, Serialize)]
struct BatchJson<'a> {
    id: &'a str,
    status: &'static str,
    category: &'static str,
    /// Messages accepted: as many as `accepted`, for ever.
    total: i64,
    accepted: i64,
    rejected: Vec<RejectedJson<'a>>,
    /// Scheduled or queued.
    waiting: i64,
    sending: i64,
    /// Sent or delivered.
    success: i64,
    failed: i64,
    scheduled_at: Option<String>,
    created_at: String,
    completed_at: Option<String>,
}

#[derive(Debug, Serialize)]
struct RejectedJson<'a> {
    index: usize,
    to: &'a str,
    code: &'a str,
}

const MOST_RECIPIENTS: usize = 1000;

/// `POST /v1/batches`
pub(super) async fn create(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let render: Render<BatchView> = Arc::new(accepted);
    let (scope, skipped) = (Scope::MessagesSend, message::skipped);
    let begun = match accept::begin(
        &gate,
        &caller,
        scope,
        request,
        Asks::Something,
        &render,
        skipped,
    )
    .await?
    {
        Beginning::Replay(answer) => return Ok(accept::replayed(answer)),
        Beginning::New(begun) => begun,
    };
    let (submission, refused) = read(&gate, &caller, begun.fields)?;
    gate.has_room_for(submission.category())?;
    let (store, once) = (gate.store().clone(), begun.once);
    let write = async move { store.accept_batch(submission, once).await };
    let written = gate.commit(write, begun.run, |bell, _| bell.ring()).await?;
    match (written, refused) {
        (Accepted::NobodyLeft, Some(first)) => Err(first),
        (written, _) => accept::answered(written, &render, message::skipped),
    }
}

fn accepted(view: &BatchView) -> Answer {
    Answer {
        status: 202,
        location: Some(format!("/v1/batches/{}", view.id)),
        body: written(&json(view)),
    }
}

/// A batch is read as the message to its first recipient, and that is repeated for the others: whatever a message may say,
/// a batch may say too. Answers with it what the first recipient was refused for, if one was.
fn read(
    gate: &Gate,
    caller: &Caller,
    mut fields: Fields,
) -> Result<(BatchSubmission, Option<ApiError>), ApiError> {
    let mut rules = gate.config().numbers;
    rules.allow_short_codes = false;
    let recipients = recipients(&mut fields, &rules);
    for one_recipients in ["to", "client_ref"] {
        fields.refuse_unknown(one_recipients);
    }
    let Some(mut recipients) = recipients else {
        return fields.finish(None);
    };
    let Some((_, first, _)) = recipients.good.first() else {
        // Nobody is left: the first one's trouble is the request's.
        fields.note(recipients.wrong);
        return fields.finish(None);
    };
    fields.put("to", first.raw.clone());
    let message = message::parse(gate, caller, fields)?;
    let at = message.at;
    let mut messages = Vec::with_capacity(recipients.good.len());
    let mut refusals = Refusals::default();
    let first_wrong = recipients.rejected.first().map(|one| one.index);
    if let Some(index) = first_wrong {
        refusals.note(index, ApiError::Invalid(recipients.wrong));
    }
    for (index, recipient, client_ref) in recipients.good {
        let to_raw = recipient.raw.clone();
        let asked = Submission {
            to: recipient.to,
            to_raw: recipient.raw,
            client_ref,
            ..message.clone()
        };
        match message::fit(gate, caller, asked) {
            Ok(fit) => messages.push((index, fit)),
            Err(error) => {
                recipients.rejected.push(Rejected {
                    index,
                    to: to_raw,
                    code: error.code().into(),
                });
                refusals.note(index, error);
            }
        }
    }
    let first = refusals.first();
    match BatchSubmission::new(messages, recipients.rejected, at) {
        Some(submission) => Ok((submission, first)),
        None => Err(first.unwrap_or_else(|| ApiError::invalid("recipients is empty"))),
    }
}

#[derive(Debug, Default)]
struct Recipients {
    /// With their places in the request.
    good: Vec<(usize, Recipient, Option<String>)>,
    rejected: Vec<Rejected>,
    /// Why each of them was rejected.
    wrong: Vec<Problem>,
}

/// A number that is none is rejected alone; whatever else is wrong is wrong with the request.
fn recipients(fields: &mut Fields, rules: &NumberRules) -> Option<Recipients> {
    const NAME: &str = "recipients";
    let list = match fields.objects(NAME) {
        Some(list) => list,
        None if fields.is_refused(NAME) => return None,
        None => return fields.refuse(NAME, "is missing"),
    };
    match list.len() {
        0 => return fields.refuse(NAME, "must name at least one recipient"),
        1..=MOST_RECIPIENTS => {}
        many => {
            let said =
                format!("{NAME} names {many} recipients; at most {MOST_RECIPIENTS} go in a batch");
            return fields.wrong(NAME, "too_many_recipients", said);
        }
    }
    let mut read = Recipients::default();
    for (index, mut one) in list.into_iter().enumerate() {
        let raw = one.text("to");
        if raw.is_none() && !one.is_refused("to") {
            one.refuse::<()>("to", "is missing");
        }
        let client_ref = submission::client_ref(&mut one, "client_ref");
        one.refuse_the_rest();
        fields.adopt(NAME, index, one);
        let Some(raw) = raw else { continue };
        match rules.parse(&raw) {
            Ok(to) => read.good.push((index, Recipient { to, raw }, client_ref)),
            Err(why) => read.reject(index, raw, &why.to_string()),
        }
    }
    Some(read)
}

impl Recipients {
    fn reject(&mut self, index: usize, to: String, why: &str) {
        const CODE: &str = "invalid_phone";
        let field = format!("recipients[{index}].to");
        self.wrong.push(Problem {
            message: format!("{field}: {why}"),
            field: Some(field),
            code: CODE,
        });
        self.rejected.push(Rejected {
            index,
            to,
            code: CODE.into(),
        });
    }
}

fn json(view: &BatchView) -> BatchJson<'_> {
    let tally = view.tally;
    BatchJson {
        id: view.id.as_str(),
        status: view.state.as_str(),
        category: view.category.as_str(),
        total: tally.total(),
        accepted: tally.total(),
        rejected: view
            .rejected
            .iter()
            .map(|one| RejectedJson {
                index: one.index,
                to: &one.to,
                code: &one.code,
            })
            .collect(),
        waiting: tally.waiting,
        sending: tally.sending,
        success: tally.success,
        failed: tally.failed,
        scheduled_at: view.scheduled_at.map(|at| at.to_string()),
        created_at: view.created_at.to_string(),
        completed_at: view.completed_at.map(|at| at.to_string()),
    }
}

/// `GET /v1/batches`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let mut query = Query::of(&uri, &["limit", "cursor"])?;
    let limit = cursor::limit(&mut query);
    if !query.problems.is_empty() {
        return Err(ApiError::Invalid(query.problems));
    }
    let sees = caller.sees();
    let list = ListId::of([Some(uri.path()), sees.as_deref()]);
    let cursor = query.raw("cursor");
    let before = cursor.map(|cursor| list.position(cursor)).transpose()?;
    let page = gate
        .store()
        .batches(sees, before.map(MessageSeq), limit)
        .await?;
    let last = page.batches.last().filter(|_| page.has_more);
    Ok(shown(&Listing {
        data: page.batches.iter().map(json).collect(),
        next_cursor: last.map(|last| list.behind(last.seq.0)),
        has_more: page.has_more,
    }))
}

/// `GET /v1/batches/{id}`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    Query::of(&uri, &[])?;
    let found = gate.store().batch(id.batch()?, caller.sees()).await?;
    Ok(shown(&json(&found.ok_or(ApiError::NotFound)?)))
}

/// `GET /v1/batches/{id}/messages`: as `GET /v1/messages?batch_id=`, and 404 where there is no such batch.
pub(super) async fn messages(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let id = id.batch()?;
    let mut asked = Asked::read(&gate, &caller, &uri)?;
    let found = gate.store().batch(id.clone(), caller.sees()).await?;
    found.ok_or(ApiError::NotFound)?;
    asked.filter.batch = Some(id);
    message::page(&gate, asked).await
}

/// `POST /v1/batches/{id}/cancel`: what of it still waits.
pub(super) async fn cancel(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    nothing_asked(&gate, request).await?;
    let id = id.batch()?;
    let canceled = gate
        .store()
        .cancel_batch(id, caller.sees(), gate.now())
        .await?;
    match canceled {
        CancelBatch::Done(view) => Ok(shown(&json(&view))),
        CancelBatch::TooLate => Err(ApiError::NotCancelable),
        CancelBatch::NotFound => Err(ApiError::NotFound),
    }
}
