//! Tries at providers: what their answers, their callbacks and what they say when they are asked are matched by.
//!
//! A row is there before its request is written, so a callback finds its message however early it comes.

use rusqlite::{OptionalExtension, named_params};

use super::doubt::ticket_in_doubt;
use super::message::{Head, append, end, error, head, step};
use super::money::spend;
use super::part::{
    Taken as TakenPart, Whereabouts, finish_acceptance, mark_taken, refund, take_the_rest,
};
use super::query::StoredText;
use super::report::aggregate_saying;
use super::row::word;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::attempt::{AttemptId, Delivery, Fate, Taken};
use crate::domain::message::Change;
use crate::domain::report::number_tail;
use crate::domain::{
    Addressee, Body, Event, EventKind, MessageId, MessageSeq, MessageState, Money, PartNumber,
    PartState, RouteName, Sealed, Ticket, UnixMillis,
};

/// A try whose provider is to be asked what became of it.
#[derive(Debug)]
pub(crate) struct ToAsk {
    pub(crate) attempt: AttemptId,
    pub(crate) route: RouteName,
    pub(crate) message: MessageId,
    /// The provider's id of the text, or of its first part.
    pub(crate) id: Option<String>,
    pub(crate) to: Addressee,
    /// `None`: a code that has left.
    pub(crate) text: Option<StoredText>,
    pub(crate) sent_at: UnixMillis,
    /// How often it was asked.
    pub(crate) asked: u32,
    /// Nobody knows yet whether the provider has it.
    pub(crate) is_in_doubt: bool,
    /// The last moment at which an answer counts.
    pub(crate) closes_at: Option<UnixMillis>,
}

/// What a provider said when it was asked.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// It has it.
    Has(Taken, Option<Box<Delivery>>),
    /// It does not have it, and would by now: it was not sent.
    HasNot,
    /// It did not say.
    Nothing,
}

/// What a delivery report of a provider came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Matched {
    Message,
    /// It says nothing new, or comes after a final word.
    Duplicate,
    /// It names nothing of ours.
    Unknown,
}

/// Looked at in one go; the rest has its turn right after.
const AT_ONCE: u32 = 32;

impl Store {
    /// Records what a provider says became of a text that it was given by this route.
    pub(crate) async fn provider_report(
        &self,
        route: RouteName,
        delivery: Delivery,
        at: UnixMillis,
    ) -> Result<Matched, StoreError> {
        let (job, receipt) = job(move |work| report(work, &route, &delivery, at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Tries whose provider is to be asked by now, the most urgent first, and when the next one is due.
    pub(crate) async fn to_ask(
        &self,
        now: UnixMillis,
    ) -> Result<(Vec<ToAsk>, Option<UnixMillis>), StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT attempt.message AS seq, ticket, attempt.route AS route, sent_at_of_try, ask_at, asked,
                            message.id AS id, to_number, text, sealed, category, closes_at,
                            (SELECT id
                               FROM provider_id
                              WHERE provider_id.message = attempt.message AND provider_id.ticket = attempt.ticket
                              ORDER BY part
                              LIMIT 1) AS provider_id,
                            EXISTS (SELECT 1
                                      FROM part
                                     WHERE part.message = attempt.message AND part.ticket = attempt.ticket
                                       AND part.state = 'uncertain') AS is_in_doubt
                       FROM (SELECT message, ticket, route, sent_at AS sent_at_of_try, ask_at, asked
                               FROM attempt
                              WHERE ask_at IS NOT NULL
                              ORDER BY ask_at
                              LIMIT :limit) AS attempt
                       JOIN message ON message.seq = attempt.message
                      ORDER BY ask_at",
                )?;
                let mut rows = statement.query(named_params! { ":limit": AT_ONCE })?;
                let mut due = Vec::new();
                while let Some(row) = rows.next()? {
                    let ask_at = UnixMillis(row.get("ask_at")?);
                    if ask_at > now {
                        return Ok((due, Some(ask_at)));
                    }
                    let sealed: Option<Vec<u8>> = row.get("sealed")?;
                    let is_code = row.get::<_, String>("category")? == "otp";
                    due.push(ToAsk {
                        attempt: AttemptId {
                            message: MessageSeq(row.get("seq")?),
                            ticket: Ticket(row.get("ticket")?),
                        },
                        route: word(row, "route")?,
                        message: word(row, "id")?,
                        id: row.get("provider_id")?,
                        to: word(row, "to_number")?,
                        text: match sealed {
                            Some(sealed) => Some(StoredText::Sealed(Sealed::from_octets(sealed))),
                            None if is_code => None,
                            None => Some(StoredText::Plain(Body::stored(row.get("text")?))),
                        },
                        sent_at: UnixMillis(row.get("sent_at_of_try")?),
                        asked: row.get("asked")?,
                        is_in_doubt: row.get("is_in_doubt")?,
                        closes_at: row.get::<_, Option<i64>>("closes_at")?.map(UnixMillis),
                    });
                }
                let next = (due.len() >= AT_ONCE as usize).then_some(now);
                Ok((due, next))
            })
            .await
    }

    /// Records what a provider said when it was asked. `next`: when it is asked again, if there is anything left to ask.
    pub(crate) async fn told(
        &self,
        attempt: AttemptId,
        route: RouteName,
        told: Told,
        next: Option<UnixMillis>,
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| record(work, attempt, &route, &told, next, at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

/// A request is about to be written.
pub(super) fn begin(
    work: &Work<'_>,
    attempt: AttemptId,
    route: &RouteName,
    at: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO attempt (message, ticket, route, sent_at)
             VALUES (:message, :ticket, :route, :at)",
        )?
        .execute(named_params! {
            ":message": attempt.message.0,
            ":ticket": attempt.ticket.0,
            ":route": route.as_str(),
            ":at": at.0,
        })?;
    Ok(())
}

/// When its provider is asked what became of it; `None`: not again.
pub(super) fn ask_at(
    work: &Work<'_>,
    attempt: AttemptId,
    at: Option<UnixMillis>,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE attempt SET ask_at = :at WHERE message = :message AND ticket = :ticket",
        )?
        .execute(named_params! {
            ":at": at.map(|at| at.0),
            ":message": attempt.message.0,
            ":ticket": attempt.ticket.0,
        })?;
    Ok(())
}

/// A callback was faster than the answer, and nobody knew yet until when more may come.
pub(super) fn keep_open(
    work: &Work<'_>,
    attempt: AttemptId,
    ends_at: UnixMillis,
) -> Result<(), StoreError> {
    let values = named_params! {
        ":ends_at": ends_at.0,
        ":message": attempt.message.0,
        ":ticket": attempt.ticket.0,
    };
    let opened = work
        .db
        .prepare_cached(
            "UPDATE part
                SET window_ends_at = :ends_at
              WHERE message = :message AND state = 'sent' AND window_ends_at IS NULL
                AND EXISTS (SELECT 1 FROM attempt WHERE message = :message AND ticket = :ticket)",
        )?
        .execute(values)?;
    if opened > 0 {
        work.db
            .prepare_cached(
                "UPDATE message SET closes_at = :ends_at WHERE seq = :message AND state = 'sent'",
            )?
            .execute(named_params! { ":ends_at": ends_at.0, ":message": attempt.message.0 })?;
    }
    Ok(())
}

/// The last try of a message was under way when the process ended: its provider is asked at once.
pub(super) fn ask_latest(
    work: &Work<'_>,
    seq: MessageSeq,
    at: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE attempt
                SET ask_at = :at
              WHERE message = :seq AND ticket = (SELECT ticket
                                                   FROM part
                                                  WHERE message = :seq AND state = 'uncertain'
                                                  ORDER BY tried_at DESC
                                                  LIMIT 1)",
        )?
        .execute(named_params! { ":at": at.0, ":seq": seq.0 })?;
    Ok(())
}

/// By which ids a provider will speak of it, and what it costs. What is known already stays.
pub(super) fn note_taken(
    work: &Work<'_>,
    attempt: AttemptId,
    route: &RouteName,
    taken: &Taken,
) -> Result<(), StoreError> {
    let is_each = taken.ids.len() > 1;
    for (at, id) in taken.ids.iter().enumerate() {
        let part = if is_each { at + 1 } else { 0 };
        // A text has 255 parts at most; what else a provider counts is not ours.
        if let Ok(part) = u8::try_from(part) {
            name(work, attempt, route, id, part)?;
        }
    }
    match taken.price {
        Some(price) => reprice(work, attempt, price),
        None => Ok(()),
    }
}

fn name(
    work: &Work<'_>,
    attempt: AttemptId,
    route: &RouteName,
    id: &str,
    part: u8,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO provider_id (route, id, message, ticket, part)
             SELECT :route, :id, message, ticket, :part
               FROM attempt
              WHERE message = :message AND ticket = :ticket
                 ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":route": route.as_str(),
            ":id": id,
            ":message": attempt.message.0,
            ":ticket": attempt.ticket.0,
            ":part": part,
        })?;
    Ok(())
}

/// The provider's figure takes the place of what was reckoned.
fn reprice(work: &Work<'_>, attempt: AttemptId, price: Money) -> Result<(), StoreError> {
    let reckoned: Option<(i64, Option<i32>)> = work
        .db
        .prepare_cached(
            "SELECT cost, spent_on
               FROM part
              WHERE message = :message AND ticket = :ticket",
        )?
        .query_row(
            named_params! { ":message": attempt.message.0, ":ticket": attempt.ticket.0 },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((cost, day)) = reckoned.filter(|(cost, _)| *cost != price.0) else {
        return Ok(());
    };
    let more = price.less(Money(cost));
    work.db
        .prepare_cached(
            "UPDATE part SET cost = :price WHERE message = :message AND ticket = :ticket",
        )?
        .execute(named_params! {
            ":price": price.0,
            ":message": attempt.message.0,
            ":ticket": attempt.ticket.0,
        })?;
    work.db
        .prepare_cached("UPDATE message SET price = COALESCE(price, 0) + :more WHERE seq = :seq")?
        .execute(named_params! { ":more": more.0, ":seq": attempt.message.0 })?;
    match day {
        Some(day) => spend(work, day, more),
        None => Ok(()),
    }
}

fn report(
    work: &mut Work<'_>,
    route: &RouteName,
    delivery: &Delivery,
    at: UnixMillis,
) -> Result<Matched, StoreError> {
    crash_point!(writes Report);
    let Some((attempt, part)) = find(work, route, delivery)? else {
        return Ok(Matched::Unknown);
    };
    let head = head(work, attempt.message)?;
    if !is_for(&head, delivery) {
        return Ok(Matched::Unknown);
    }
    if let Some(id) = &delivery.id {
        name(work, attempt, route, id, part)?;
    }
    apply(work, (attempt, part), route, delivery, at)
}

/// The try that a report is about, and which part of it (0: all).
fn find(
    work: &Work<'_>,
    route: &RouteName,
    delivery: &Delivery,
) -> Result<Option<(AttemptId, u8)>, StoreError> {
    if let Some(id) = &delivery.id {
        let known = work
            .db
            .prepare_cached(
                "SELECT message, ticket, part FROM provider_id WHERE route = :route AND id = :id",
            )?
            .query_row(
                named_params! { ":route": route.as_str(), ":id": id },
                |row| {
                    let attempt = AttemptId {
                        message: MessageSeq(row.get(0)?),
                        ticket: Ticket(row.get(1)?),
                    };
                    Ok((attempt, row.get(2)?))
                },
            )
            .optional()?;
        // Our own name of the try must be that of the try which has this id.
        if let Some((attempt, part)) = known {
            let agrees = delivery.attempt.is_none_or(|named| named == attempt);
            return Ok(agrees.then_some((attempt, part)));
        }
    }
    let Some(attempt) = delivery.attempt else {
        return Ok(None);
    };
    let is_known: bool = work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1
                              FROM attempt
                             WHERE message = :message AND ticket = :ticket AND route = :route)",
        )?
        .query_row(
            named_params! {
                ":message": attempt.message.0,
                ":ticket": attempt.ticket.0,
                ":route": route.as_str(),
            },
            |row| row.get(0),
        )?;
    Ok(is_known.then_some((attempt, 0)))
}

fn is_for(head: &Head, delivery: &Delivery) -> bool {
    let Some(recipient) = &delivery.recipient else {
        return true;
    };
    match &head.to {
        Addressee::Known(to) => number_tail(to.as_str()) == number_tail(recipient.expose()),
        // Its time for reports is over anyway.
        Addressee::Forgotten(_) => false,
    }
}

/// A report proves that the provider has it; then its fate is that of its parts.
fn apply(
    work: &mut Work<'_>,
    (attempt, part): (AttemptId, u8),
    route: &RouteName,
    delivery: &Delivery,
    at: UnixMillis,
) -> Result<Matched, StoreError> {
    let settled = settle(work, attempt, route, at)?;
    if let Some(price) = delivery.price {
        reprice(work, attempt, price)?;
    }
    let news = |is_news| match is_news {
        true => Matched::Message,
        false => Matched::Duplicate,
    };
    let state = match delivery.fate {
        Fate::Sent => return Ok(news(settled)),
        Fate::Delivered => PartState::Delivered,
        Fate::Undelivered => PartState::Undelivered,
        Fate::Expired => PartState::Expired,
    };
    if !is_current(work, attempt)? && state != PartState::Delivered {
        // Another try is under way or has been taken: what this one came to says nothing of the message.
        return Ok(Matched::Duplicate);
    }
    let changed = work
        .db
        .prepare_cached(
            "UPDATE part
                SET state = :state, reported_at = :reported_at
              WHERE message = :message AND (:part = 0 OR number = :part) AND state = 'sent'
                AND COALESCE(window_ends_at, :at) >= :at",
        )?
        .execute(named_params! {
            ":state": state.as_str(),
            ":reported_at": delivery.at.unwrap_or(at).0,
            ":message": attempt.message.0,
            ":part": part,
            ":at": at.0,
        })?;
    if changed == 0 {
        return Ok(news(settled));
    }
    let head = head(work, attempt.message)?;
    let mut event = Event::new(at, EventKind::Report)
        .route(route.as_str())
        .detail(said(delivery));
    if part > 0 {
        event = event.part(PartNumber(part));
    }
    append(work, &head, event)?;
    aggregate_saying(work, attempt.message, Some(&said(delivery)), at)?;
    if head_is_over(work, attempt.message)? {
        ask_at(work, attempt, None)?;
    }
    Ok(Matched::Message)
}

fn said(delivery: &Delivery) -> String {
    let word = match delivery.fate {
        Fate::Sent => "sent",
        Fate::Delivered => "delivered",
        Fate::Undelivered => "undelivered",
        Fate::Expired => "expired",
    };
    match &delivery.detail {
        Some(detail) => format!("the provider reported {word}: {detail}"),
        None => format!("the provider reported {word}"),
    }
}

fn head_is_over(work: &Work<'_>, seq: MessageSeq) -> Result<bool, StoreError> {
    Ok(head(work, seq)?.state.is_over())
}

/// No other try of the message was begun after it.
fn is_current(work: &Work<'_>, attempt: AttemptId) -> Result<bool, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM part WHERE message = :message AND ticket = :ticket)",
        )?
        .query_row(
            named_params! { ":message": attempt.message.0, ":ticket": attempt.ticket.0 },
            |row| row.get(0),
        )?)
}

/// The provider has it: if that was not known yet, it is now. `false`: it was, or another try has begun.
fn settle(
    work: &mut Work<'_>,
    attempt: AttemptId,
    route: &RouteName,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    let Some((part, from)) = ticket_in_doubt(work, attempt)? else {
        return Ok(false);
    };
    let taken = TakenPart {
        message: attempt.message,
        part,
        reference: None,
        window_ends_at: None,
        route: route.as_str().to_owned(),
        at,
    };
    if mark_taken(work, &taken, from, Some(attempt.ticket.0))?.is_none() {
        return Ok(false);
    }
    take_the_rest(work, &taken)?;
    let change = match from {
        PartState::Sending => Change::Accepted,
        _ => Change::Settled,
    };
    finish_acceptance(work, &taken, None, change)?;
    Ok(true)
}

fn record(
    work: &mut Work<'_>,
    attempt: AttemptId,
    route: &RouteName,
    told: &Told,
    next: Option<UnixMillis>,
    at: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE attempt
                SET ask_at = :next, asked = asked + 1
              WHERE message = :message AND ticket = :ticket",
        )?
        .execute(named_params! {
            ":next": next.map(|at| at.0),
            ":message": attempt.message.0,
            ":ticket": attempt.ticket.0,
        })?;
    match told {
        Told::Has(taken, delivery) => {
            note_taken(work, attempt, route, taken)?;
            settle(work, attempt, route, at)?;
            if let Some(delivery) = delivery {
                apply(work, (attempt, 0), route, delivery, at)?;
            }
        }
        Told::HasNot => was_not_sent(work, attempt, route, at)?,
        Told::Nothing => {}
    }
    Ok(())
}

/// The provider has nothing of a try that was in doubt: it is as if it had been refused (semantics §6).
fn was_not_sent(
    work: &mut Work<'_>,
    attempt: AttemptId,
    route: &RouteName,
    at: UnixMillis,
) -> Result<(), StoreError> {
    const WHY: &str = "the provider was asked, and does not have it";
    let Some(left) = out_of_doubt(work, attempt)? else {
        return Ok(());
    };
    refund(work, attempt.message, &left)?;
    ask_at(work, attempt, None)?;
    let mut head = head(work, attempt.message)?;
    let event = Event::new(at, EventKind::NeverLeft)
        .route(route.as_str())
        .detail(WHY);
    append(work, &head, event)?;
    match head.state {
        // It need not wait for the answer any longer.
        MessageState::Queued => {
            work.db
                .prepare_cached(
                    "UPDATE message
                        SET next_attempt_at = NULL, hold_code = NULL, hold_text = NULL
                      WHERE seq = :seq AND state = 'queued'",
                )?
                .execute(named_params! { ":seq": head.seq.0 })?;
        }
        MessageState::Unknown => {
            let (change, kind, code) = match head.expires_at > at {
                true => (
                    Change::ProvenUnsent,
                    EventKind::Failed,
                    "provider_unreachable",
                ),
                false => (Change::ProvenUnsentLate, EventKind::Expired, "expired"),
            };
            if step(work, &mut head, change)? {
                end(work, head.seq)?;
                error(work, head.seq, code, WHY)?;
                append(work, &head, Event::new(at, kind).detail(code))?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn out_of_doubt(work: &Work<'_>, attempt: AttemptId) -> Result<Option<Whereabouts>, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "UPDATE part
                SET state = 'queued', window_ends_at = NULL
              WHERE message = :message AND ticket = :ticket AND state = 'uncertain'
          RETURNING COALESCE(route, ''), tried_at, cost, spent_on",
        )?
        .query_row(
            named_params! { ":message": attempt.message.0, ":ticket": attempt.ticket.0 },
            |row| {
                Ok(Whereabouts {
                    route: row.get(0)?,
                    sim: None,
                    tried_at: UnixMillis(row.get(1)?),
                    cost: Money(row.get(2)?),
                    spent_on: row.get(3)?,
                })
            },
        )
        .optional()?)
}
