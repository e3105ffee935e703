//! A message as callers see it (http-api.md G1).

use serde::Serialize;

use crate::domain::{BatchId, Category, Event, MessageState, Pending, Preview, UnixMillis};
use crate::store::MessageView;

#[derive(Debug, Serialize)]
pub(super) struct MessageJson<'a> {
    id: &'a str,
    batch_id: Option<&'a str>,
    direction: &'static str,
    from: Option<&'a str>,
    to: &'a str,
    to_raw: &'a str,
    country: Option<&'a str>,
    category: &'static str,
    priority: u8,
    status: &'static str,
    #[serde(rename = "final")]
    is_final: bool,
    /// Of category otp: with its codes masked. Empty when it is forgotten.
    text: &'a str,
    redacted: bool,
    encoding: &'static str,
    parts: u8,
    template_id: Option<i64>,
    client_ref: Option<&'a str>,
    route: Option<&'a str>,
    attempts: u32,
    error: Option<ErrorJson<'a>>,
    pending_reason: Option<PendingJson>,
    next_attempt_at: Option<String>,
    may_be_duplicate: bool,
    price: Option<PriceJson<'a>>,
    scheduled_at: Option<String>,
    created_at: String,
    sent_at: Option<String>,
    delivered_at: Option<String>,
    expires_at: String,
}

/// An alert that its number does not want.
#[derive(Debug, Serialize)]
pub(super) struct SkippedJson {
    /// There is no message.
    pub(super) id: Option<&'static str>,
    pub(super) skipped: bool,
    pub(super) reason: &'static str,
}

/// What a text would come to if it were sent.
#[derive(Debug, Serialize)]
pub(super) struct PreviewJson {
    encoding: &'static str,
    parts: usize,
    units: usize,
    units_left: usize,
    /// The characters that made it ucs2, each once.
    offending: Vec<char>,
    /// Where each of them stands first, in characters from 0.
    offending_at: Vec<usize>,
}

impl From<&Preview> for PreviewJson {
    fn from(preview: &Preview) -> Self {
        let forced_by = || preview.forced_by.iter();
        Self {
            encoding: preview.plan.encoding.as_str(),
            parts: preview.plan.parts,
            units: preview.units,
            units_left: preview.units_left,
            offending: forced_by().map(|stranger| stranger.character).collect(),
            offending_at: forced_by().map(|stranger| stranger.at).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ErrorJson<'a> {
    code: &'a str,
    message: &'a str,
    /// The same text to the same number may fare better when it is sent again.
    retryable: bool,
}

/// What its tries that left have cost.
#[derive(Debug, Serialize)]
struct PriceJson<'a> {
    amount: String,
    currency: &'a str,
}

#[derive(Debug, Serialize)]
struct PendingJson {
    code: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
pub(super) struct EventJson {
    at: String,
    #[serde(rename = "type")]
    kind: &'static str,
    part: Option<u8>,
    route: Option<String>,
    detail: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct EventsJson {
    pub(super) data: Vec<EventJson>,
}

pub(super) fn json<'a>(
    view: &'a MessageView,
    pending: Option<Pending>,
    now: UnixMillis,
    currency: &'a str,
) -> MessageJson<'a> {
    let next_attempt_at = pending.as_ref().map(|pending| pending.next_attempt_at);
    let shown = |at: UnixMillis| at.to_string();
    MessageJson {
        id: view.id.as_str(),
        batch_id: view.batch.as_ref().map(BatchId::as_str),
        direction: "outbound",
        from: view.from_number.as_deref(),
        to: view.to.as_str(),
        to_raw: &view.to_raw,
        country: view.country.as_deref(),
        category: view.category.as_str(),
        priority: view.priority,
        status: view.state.as_str(),
        is_final: is_final(view, now),
        text: view.text.expose(),
        redacted: view.category == Category::Otp || view.is_forgotten,
        encoding: view.encoding.as_str(),
        parts: view.parts,
        template_id: view.template,
        client_ref: view.client_ref.as_deref(),
        route: view.route.as_deref(),
        attempts: view.tries,
        error: view.error.as_ref().map(|(code, message)| ErrorJson {
            code,
            message,
            retryable: is_retryable(code),
        }),
        pending_reason: pending.map(|pending| PendingJson {
            code: pending.code.as_str(),
            message: pending.message,
        }),
        next_attempt_at: next_attempt_at.map(shown),
        may_be_duplicate: view.may_be_duplicate,
        price: view.price.map(|price| PriceJson {
            amount: price.to_string(),
            currency,
        }),
        scheduled_at: view.scheduled_at.map(shown),
        created_at: shown(view.created_at),
        sent_at: view.sent_at.map(shown),
        delivered_at: view.delivered_at.map(shown),
        expires_at: shown(view.expires_at),
    }
}

fn is_final(view: &MessageView, now: UnixMillis) -> bool {
    let waits_for_a_report = matches!(view.state, MessageState::Sent | MessageState::Unknown);
    view.state.is_over() || waits_for_a_report && view.closes_at.is_some_and(|last| last < now)
}

/// Whether the reason may be gone next time: not when it lies in the number or in a verdict about the text.
fn is_retryable(code: &str) -> bool {
    !matches!(
        code,
        "invalid_destination"
            | "barred"
            | "network_rejected"
            | "provider_rejected"
            | "provider_config"
            | "suppressed"
            | "undelivered"
            | "not_encodable"
            | "too_long"
    )
}

impl From<Event> for EventJson {
    fn from(event: Event) -> Self {
        Self {
            at: event.at.to_string(),
            kind: event.kind.as_str(),
            part: event.part.map(|part| part.0),
            route: event.route,
            detail: event.detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_number_or_the_text_is_not_worth_another_try() {
        for (code, retryable) in [
            ("no_network", true),
            ("modem_lost", true),
            ("timeout_uncertain", true),
            ("expired", true),
            ("invalid_destination", false),
            ("barred", false),
            ("undelivered", false),
        ] {
            assert_eq!(is_retryable(code), retryable, "{code}");
        }
    }
}
