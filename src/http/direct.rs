//! `/sms` (http-api.md group B): one text, one call.

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;

use super::Gate;
use super::accept::{self, Intake};
use super::answer::written;
use super::auth::Caller;
use super::error::ApiError;
use super::extract::Fields;
use super::submission;
use crate::domain::{Category, Encoding, Reference, Skip, Surface};
use crate::store::{Answer, MessageView, Submission};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SentJson<'a> {
    success: bool,
    message_id: &'a str,
}

#[derive(Debug, Serialize)]
struct SkippedJson {
    success: bool,
    skipped: bool,
    reason: &'static str,
}

const INTAKE: Intake = Intake {
    read,
    answer: |view, _| accepted(view),
    skipped,
};

/// `POST /sms/send`
pub(super) async fn send(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    accept::accept(&gate, &caller, request, &INTAKE).await
}

/// Unknown fields are ignored here.
fn read(gate: &Gate, caller: &Caller, mut fields: Fields) -> Result<Submission, ApiError> {
    let config = gate.config();
    let now = gate.now();
    let name = match fields.has("phoneNumber") || !fields.has("to") {
        true => "phoneNumber",
        false => "to",
    };
    let mut rules = config.numbers;
    rules.allow_short_codes = false;
    let recipient = submission::recipient(&mut fields, name, &rules);
    let width = submission::reference_width(gate, None);
    let max_parts = config.message.max_parts;
    let content = submission::content(&mut fields, "message", Encoding::Auto, width, max_parts);
    let category = submission::category(&mut fields);
    let severity = submission::severity(&mut fields);
    let client_ref = submission::client_ref(&mut fields, "clientRef");
    let (recipient, content) = fields.finish(recipient.zip(content))?;
    let category = match severity {
        Some(_) => Category::Alert,
        None => category.unwrap_or(Category::Transactional),
    };
    gate.may_send_to(&recipient.to, category, caller)?;
    let surface = Surface::Direct { severity };
    Ok(Submission {
        app: caller.app.clone(),
        counts: gate.counts(surface, category, &recipient.to, caller, now),
        crowd: gate.crowd(&recipient.to, category, content.parts, None, None)?,
        to: recipient.to,
        to_raw: recipient.raw,
        category,
        severity,
        body: content.body,
        encoding: content.encoding,
        parts: content.parts,
        flash: false,
        ref16: matches!(width, Reference::Sixteen(_)),
        via: None,
        priority: None,
        client_ref,
        template: None,
        made_of: None,
        scheduled_at: None,
        expires_at: now.plus(config.message.ttl),
        at: now,
        payer: caller.payer(),
    })
}

fn accepted(view: &MessageView) -> Answer {
    Answer {
        status: 200,
        location: None,
        body: written(&SentJson {
            success: true,
            message_id: view.id.as_str(),
        }),
    }
}

fn skipped(skip: Skip) -> Answer {
    Answer {
        status: 200,
        location: None,
        body: written(&SkippedJson {
            success: true,
            skipped: true,
            reason: skip.as_str(),
        }),
    }
}
