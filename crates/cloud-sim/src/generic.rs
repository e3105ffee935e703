//! **Generic**: a provider of nobody's, as the config can describe one: a POST of JSON or of a form, an id back.
//!
//! Fields of a request: `to`, `text`, `from`, `reference`, `callback`, and for templates `template` and `params`.

use serde_json::{Value, json};

use crate::account::{GenericAccount, Provider};
use crate::call::{Answer, Call, Reaction};
use crate::dress::Outcome;
use crate::hash::{hex, hmac_sha256};
use crate::ledger::{State, Text, digits};
use crate::refusal::Refused;
use crate::report::{Errand, Push, forged_path};
use crate::segments;
use crate::settings::Settings;
use crate::world::World;

const SELF: Provider = Provider::Generic;

pub(crate) fn receive(world: &mut World, call: &Call, now: u64) -> Reaction {
    if !is_admitted(&world.settings.generic, call) {
        world.note(SELF, "unknown", "", "refused unauthorized", now);
        return refused(&Refused::with(SELF, "unauthorized")).into();
    }
    let said = |name: &str| said(call, name);
    let to = said("to").unwrap_or_default();
    let sent = match draft(world, &said, call) {
        Ok(text) => world.send(SELF, text, now),
        Err(no) => world.refuse(SELF, &to, no, now),
    };
    let answer = match &sent.outcome {
        Outcome::Taken(n) => {
            let text = world.ledger.text(*n);
            let body = json!({
                "id": text.map(Text::id),
                "status": "accepted",
                "to": to,
                "parts": text.map(|text| text.parts),
                "reference": text.and_then(|text| text.reference.as_deref()),
            });
            Answer::json(200, &body)
        }
        Outcome::Refused(no) => refused(no),
        Outcome::Lost => Answer::json(200, &json!({ "status": "accepted" })),
    };
    sent.dress.wear(answer)
}

fn is_admitted(account: &GenericAccount, call: &Call) -> bool {
    let token = &account.token;
    let is_signed = || {
        let signature = hex(&hmac_sha256(token.as_bytes(), &call.body));
        let given = call.header("x-signature");
        given.trim_start_matches("sha256=") == signature
    };
    call.header("authorization").strip_prefix("Bearer ") == Some(token)
        || call.header("x-api-key") == token
        || call.basic().is_some_and(|(_, password)| password == *token)
        || is_signed()
}

/// A field of the JSON, the form or the query.
fn said(call: &Call, name: &str) -> Option<String> {
    let of_json = || match call.json()?.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    };
    let value = match call.is_json() {
        true => of_json(),
        false => call.form().owned(name),
    };
    value
        .or_else(|| call.query_fields().owned(name))
        .filter(|value| !value.is_empty())
}

fn draft(
    world: &mut World,
    said: &dyn Fn(&str) -> Option<String>,
    call: &Call,
) -> Result<Text, Refused> {
    let no = |code: &str| Err(Refused::with(SELF, code));
    let body_is_json = call.is_json() && call.json().is_some_and(|body| body.is_object());
    if call.is_json() && !body_is_json {
        return no("invalid_text");
    }
    let to = said("to").unwrap_or_default();
    let count = digits(&to).len();
    if !(5..=15).contains(&count) || to.trim_start_matches('+').len() != count {
        return no("invalid_number");
    }
    let (text, template) = (said("text"), said("template"));
    if text.is_none() && template.is_none() {
        return no("invalid_text");
    }
    let params = said("params").and_then(|params| serde_json::from_str(&params).ok());
    Ok(Text {
        to,
        from: said("from"),
        parts: text.as_deref().map_or(1, segments::count),
        text,
        template,
        params: params.unwrap_or_default(),
        reference: said("reference"),
        ids: vec![world.draw.hexadecimal(24)],
        callback: said("callback"),
        ..Text::default()
    })
}

fn refused(no: &Refused) -> Answer {
    let body = json!({ "error": { "code": no.code, "message": no.message } });
    let answer = Answer::json(no.status, &body);
    match no.retry_after_s {
        Some(seconds) => answer.with("Retry-After", seconds),
        None => answer,
    }
}

/// JSON, signed if the account has a secret for it.
pub(crate) fn report(
    settings: &Settings,
    text: &Text,
    errand: Errand,
    url: String,
    now: u64,
) -> Push {
    let status = match errand.state {
        State::Queued => "accepted",
        State::Sent => "sent",
        State::Delivered => "delivered",
        State::Undelivered => "undelivered",
    };
    let mut body = json!({
        "id": text.id(),
        "reference": text.reference,
        "to": text.to,
        "status": status,
        "at": now / 1000,
    });
    if errand.state == State::Undelivered {
        body["error"] = text.error.clone().into();
    }
    let body = body.to_string();
    let secret = settings.generic.report_secret.as_deref();
    let mut headers = Vec::new();
    if let Some(secret) = secret {
        let secret = if errand.is_forged {
            "not the secret"
        } else {
            secret
        };
        let signature = hex(&hmac_sha256(secret.as_bytes(), body.as_bytes()));
        headers.push(("X-Signature", signature));
    }
    let is_at_wrong_path = errand.is_forged && secret.is_none();
    Push {
        errand,
        method: "POST",
        url: if is_at_wrong_path {
            forged_path(&url)
        } else {
            url
        },
        content_type: "application/json",
        headers,
        body,
    }
}
