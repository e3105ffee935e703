//! `/v1/messages` (http-api.md G1).

use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;

use super::Gate;
use super::accept::{self, Intake};
use super::answer::{shown, written};
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{self, ListId, Listing};
use super::error::ApiError;
use super::extract::{Fields, Id, Query, read_body, require_json};
use super::submission;
use super::view::{EventJson, EventsJson, MessageJson, PreviewJson, SkippedJson, json};
use crate::dispatch::pending;
use crate::domain::{
    BatchId, Category, Crowd, Destination, MessageSeq, MessageState, Pending, Reference, Skip,
    Surface, UnixMillis,
};
use crate::store::{Answer, Cancel, Counts, Filter, MessageView, Submission};

const INTAKE: Intake = Intake {
    read,
    answer: accepted,
    skipped,
};

/// `POST /v1/messages`
pub(super) async fn create(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    accept::accept(&gate, &caller, request, &INTAKE).await
}

fn read(gate: &Gate, caller: &Caller, fields: Fields) -> Result<Submission, ApiError> {
    fit(gate, caller, parse(gate, caller, fields)?)
}

/// Whether and by whom its number can be reached, and what it counts against.
pub(super) fn fit(
    gate: &Gate,
    caller: &Caller,
    mut asked: Submission,
) -> Result<Submission, ApiError> {
    let (to, category) = (&asked.to, asked.category);
    gate.may_send_to(to, category, caller)?;
    asked.crowd = gate.crowd(to, category, asked.parts, asked.via.as_ref(), None)?;
    let severity = asked.severity;
    let surface = Surface::Direct { severity };
    asked.counts = gate.counts(surface, category, to, caller, asked.at);
    Ok(asked)
}

/// What is asked for, but for what its number decides: see [`fit`]. `template_id`, `params`, `locale` and `callback_url`
/// are fields of features that this version does not have: unknown to it.
pub(super) fn parse(
    gate: &Gate,
    caller: &Caller,
    mut fields: Fields,
) -> Result<Submission, ApiError> {
    let config = gate.config();
    let now = gate.now();
    if fields.has("route") {
        caller.may(Scope::RoutesWrite)?;
    }
    let via = submission::via(&mut fields, gate);
    let width = submission::reference_width(gate, via.as_ref());
    let recipient = submission::recipient(&mut fields, "to", &config.numbers);
    let encoding = submission::encoding(&mut fields);
    let max_parts = config.message.max_parts;
    let content = submission::content(&mut fields, "text", encoding, width, max_parts);
    let category = submission::category(&mut fields);
    let severity = submission::severity(&mut fields);
    let priority = submission::priority(&mut fields);
    let schedule = submission::schedule(&mut fields, config.message.ttl, now);
    let flash = fields.flag("flash");
    let client_ref = submission::client_ref(&mut fields, "client_ref");
    fields.refuse_the_rest();
    let (recipient, content) = fields.finish(recipient.zip(content))?;
    let category = category.unwrap_or(Category::Transactional);
    Ok(Submission {
        app: caller.app.clone(),
        crowd: Crowd::ANYBODY,
        counts: Counts::default(),
        to: recipient.to,
        to_raw: recipient.raw,
        category,
        severity,
        body: content.body,
        encoding: content.encoding,
        parts: content.parts,
        flash: flash.unwrap_or(false),
        ref16: matches!(width, Reference::Sixteen(_)),
        via,
        priority,
        client_ref,
        template: None,
        made_of: None,
        scheduled_at: schedule.scheduled_at,
        expires_at: schedule.expires_at,
        at: now,
        payer: caller.payer(),
    })
}

fn accepted(view: &MessageView, pending: Option<Pending>) -> Answer {
    Answer {
        status: 202,
        location: Some(format!("/v1/messages/{}", view.id)),
        body: written(&json(view, pending, view.created_at, NOTHING_SPENT)),
    }
}

/// 200 and no `Location`, where an accepted message has 202 and one: nothing was stored, and there is no id to ask for.
/// The words are those of `/sms/send`.
pub(super) fn skipped(skip: Skip) -> Answer {
    Answer {
        status: 200,
        location: None,
        body: written(&SkippedJson {
            id: None,
            skipped: true,
            reason: skip.as_str(),
        }),
    }
}

/// `POST /v1/messages/preview`: what a text would come to. Nothing is stored, and nothing counts.
pub(super) async fn preview(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    let mut fields = gate.fields(request).await?;
    let body = submission::body(&mut fields, "text");
    fields.refuse_the_rest();
    let body = fields.finish(body)?;
    let width = submission::reference_width(&gate, None);
    Ok(shown(&PreviewJson::from(&body.preview(width.into()))))
}

/// `GET /v1/messages/{id}`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    Query::of(&uri, &[])?;
    let found = gate.store().message(id.message()?, caller.sees()).await?;
    let view = found.ok_or(ApiError::NotFound)?;
    Ok(gate.message(&view))
}

/// `GET /v1/messages/{id}/events`
pub(super) async fn events(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    Query::of(&uri, &[])?;
    let found = gate.store().events(id.message()?, caller.sees()).await?;
    let events = found.ok_or(ApiError::NotFound)?;
    Ok(shown(&EventsJson {
        data: events.into_iter().map(EventJson::from).collect(),
    }))
}

/// `POST /v1/messages/{id}/cancel`
pub(super) async fn cancel(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesSend)?;
    nothing_asked(&gate, request).await?;
    let id = id.message()?;
    match gate.store().cancel(id, caller.sees(), gate.now()).await? {
        Cancel::Done(view) => Ok(gate.message(&view)),
        Cancel::TooLate => Err(ApiError::NotCancelable),
        Cancel::NotFound => Err(ApiError::NotFound),
    }
}

/// A request without a body, or with an empty object.
pub(super) async fn nothing_asked(gate: &Gate, request: Request) -> Result<(), ApiError> {
    let server = &gate.config().server;
    let (head, body) = request.into_parts();
    let octets = read_body(&head.headers, body, server.max_body, server.body_timeout).await?;
    if octets.is_empty() {
        return Ok(());
    }
    require_json(&head.headers)?;
    let mut fields = Fields::parse(&octets)?;
    fields.refuse_the_rest();
    fields.finish(Some(()))
}

const FILTERS: [&str; 11] = [
    "limit",
    "cursor",
    "status",
    "to",
    "direction",
    "category",
    "route",
    "batch_id",
    "client_ref",
    "since",
    "until",
];

/// `GET /v1/messages`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::MessagesRead)?;
    let asked = Asked::read(&gate, &caller, &uri)?;
    page(&gate, asked).await
}

/// One page of messages, by whatever path it was asked for.
pub(super) async fn page(gate: &Gate, asked: Asked) -> Result<Response, ApiError> {
    if asked.has_none {
        return Ok(shown(&Listing::<MessageJson<'_>> {
            data: Vec::new(),
            next_cursor: None,
            has_more: false,
        }));
    }
    let page = gate.store().list(asked.filter, asked.limit).await?;
    let now = gate.now();
    let data: Vec<_> = page
        .messages
        .iter()
        .map(|view| json(view, gate.pending(view), now, gate.currency()))
        .collect();
    Ok(shown(&Listing {
        data,
        next_cursor: page.next.map(|before| asked.list.behind(before.0)),
        has_more: page.next.is_some(),
    }))
}

/// What a list was asked for.
pub(super) struct Asked {
    list: ListId,
    pub(super) filter: Filter,
    limit: u32,
    /// Texts that came in are in the inbox, and what can be no id is the id of nothing: a filter for them fits no row.
    has_none: bool,
}

impl Asked {
    pub(super) fn read(gate: &Gate, caller: &Caller, uri: &Uri) -> Result<Self, ApiError> {
        let mut query = Query::of(uri, &FILTERS)?;
        let limit = cursor::limit(&mut query);
        let sees = caller.sees();
        let list = {
            let filters = FILTERS[2..].iter().map(|name| query.raw(name));
            ListId::of(
                [Some(uri.path()), sees.as_deref()]
                    .into_iter()
                    .chain(filters),
            )
        };
        let direction = query.read("direction", "must be outbound or inbound", |word| {
            ["outbound", "inbound"].into_iter().find(|one| *one == word)
        });
        let to = number(&mut query, gate);
        let mut filter = Filter {
            app: sees,
            state: query.read(
                "status",
                "must be a status of a message",
                MessageState::parse,
            ),
            to,
            category: query.read("category", "must be a category", Category::parse),
            route: query.raw("route").map(str::to_owned),
            batch: query.raw("batch_id").and_then(BatchId::parse),
            client_ref: query.raw("client_ref").map(str::to_owned),
            since: query.read("since", "must be a time by RFC 3339", moment),
            until: query.read("until", "must be a time by RFC 3339", moment),
            before: None,
        };
        if !query.problems.is_empty() {
            return Err(ApiError::Invalid(query.problems));
        }
        let cursor = query.raw("cursor");
        let before = cursor.map(|cursor| list.position(cursor)).transpose()?;
        filter.before = before.map(MessageSeq);
        let names_no_batch = filter.batch.is_none() && query.raw("batch_id").is_some();
        Ok(Self {
            list,
            filter,
            limit,
            has_none: direction == Some("inbound") || names_no_batch,
        })
    }
}

fn number(query: &mut Query, gate: &Gate) -> Option<Destination> {
    let read = gate
        .config()
        .numbers
        .parse(&plus_restored(query.raw("to")?));
    read.map_err(|why| query.wrong("to", "invalid_phone", format!("to: {why}")))
        .ok()
}

pub(super) fn moment(text: &str) -> Option<UnixMillis> {
    UnixMillis::parse_rfc3339(&plus_restored(text))
}

/// A `+` that was not escaped in a URL arrives as a space; neither a number nor a time has one where a `+` may stand.
pub(super) fn plus_restored(text: &str) -> String {
    match text.strip_prefix(' ') {
        Some(number) => format!("+{number}"),
        None => match text.rsplit_once(' ') {
            Some((time, offset)) if offset.len() == 5 && offset.contains(':') => {
                format!("{time}+{offset}")
            }
            _ => text.to_owned(),
        },
    }
}

/// A message that was just accepted has cost nothing: there is no price whose currency would be told.
const NOTHING_SPENT: &str = "";

impl Gate {
    fn currency(&self) -> &str {
        &self.config().budget.currency
    }

    fn pending(&self, view: &MessageView) -> Option<Pending> {
        pending(view, &self.fleet(), &self.loads(), self.now())
    }

    fn message(&self, view: &MessageView) -> Response {
        shown(&json(view, self.pending(view), self.now(), self.currency()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_that_was_not_escaped_is_still_a_plus() {
        for (arrived, meant) in [
            (" 8613800138000", "+8613800138000"),
            ("+8613800138000", "+8613800138000"),
            ("138 0013 8000", "138 0013 8000"),
            ("2023-11-15T06:13:20 08:00", "2023-11-15T06:13:20+08:00"),
            ("2023-11-15T06:13:20Z", "2023-11-15T06:13:20Z"),
        ] {
            assert_eq!(plus_restored(arrived), meant);
        }
    }
}
