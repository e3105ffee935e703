//! A message as a whole: accepted, held back and let go, canceled, expired.

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::idempotency::{self, Answer, Known, Once};
use super::query::{self, MessageView};
use super::row;
use super::waiting::Place;
use super::writer::{Receipt, Work, job};
use super::{Group, Step, Store, StoreError};
use crate::domain::message::Change;
use crate::domain::redact::masked_codes;
use crate::domain::{
    Addressee, Body, Category, Destination, Encoding, Event, EventKind, MessageId, MessageSeq,
    MessageState, ModemName, Pepper, Severity, UnixMillis,
};

/// What a caller asked for, with nothing left to doubt.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) app: String,
    pub(crate) to: Destination,
    /// As the caller wrote it.
    pub(crate) to_raw: String,
    pub(crate) category: Category,
    pub(crate) severity: Option<Severity>,
    pub(crate) body: Body,
    /// `Gsm7` or `Ucs2`, never `Auto`.
    pub(crate) encoding: Encoding,
    pub(crate) parts: u8,
    pub(crate) flash: bool,
    /// Its parts were counted with 16-bit references.
    pub(crate) ref16: bool,
    pub(crate) from_modem: Option<ModemName>,
    pub(crate) client_ref: Option<String>,
    /// The template it was made of.
    pub(crate) template: Option<i64>,
    pub(crate) scheduled_at: Option<UnixMillis>,
    pub(crate) expires_at: UnixMillis,
    pub(crate) at: UnixMillis,
}

/// What became of a submission.
#[derive(Debug)]
pub(crate) enum Accepted<V = MessageView> {
    New(Box<V>),
    /// The same request was answered before: this was the answer.
    Replay(Answer),
    /// The same Idempotency-Key came with another body before.
    OtherBody,
    /// There are as many of its kind as there may be.
    TooMany,
}

/// What became of a wish to cancel.
#[derive(Debug)]
pub(crate) enum Cancel {
    Done(Box<MessageView>),
    TooLate,
    NotFound,
}

/// Most messages let go or expired in one transaction, so that a send never waits long behind them.
const AT_ONCE: usize = 500;
/// In milliseconds.
pub(super) const HOUR: i64 = 3_600_000;

impl Store {
    /// Accepts one message: its row, its parts, its first event, and the answer to its Idempotency-Key, in one
    /// transaction.
    pub(crate) async fn accept(
        &self,
        submission: Submission,
        once: Option<Once>,
    ) -> Result<Accepted, StoreError> {
        let pepper = self.pepper.clone();
        let (job, receipt) = job(move |work| accept(work, &submission, once.as_ref(), &pepper));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Cancels what is scheduled or queued. `app`: `None` sees all.
    pub(crate) async fn cancel(
        &self,
        id: MessageId,
        app: Option<String>,
        at: UnixMillis,
    ) -> Result<Cancel, StoreError> {
        let (job, receipt) = job(move |work| cancel(work, &id, app.as_deref(), at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

impl Group<'_> {
    /// Lets go what was held back until `now`, and expires what was not sent in time. Answers whether there is
    /// more of it.
    pub(crate) fn release_and_expire(&mut self, now: UnixMillis) -> Receipt<bool> {
        let (job, receipt) = job(move |work| {
            let expired = expire(work, now)?;
            let released = release(work, now)?;
            Ok(expired == AT_ONCE || released == AT_ONCE)
        });
        self.jobs.push(job);
        receipt
    }
}

fn accept(
    work: &mut Work<'_>,
    asked: &Submission,
    once: Option<&Once>,
    pepper: &Pepper,
) -> Result<Accepted, StoreError> {
    if let Some(once) = once {
        match idempotency::look_up(work.db, &once.scope, &once.body_mac)? {
            Known::New => {}
            Known::Replay(answer) => return Ok(Accepted::Replay(answer)),
            Known::OtherBody => return Ok(Accepted::OtherBody),
        }
    }
    let seq = next_seq(work, asked.at)?;
    let id = MessageId::of_single(seq, asked.at);
    enter(work, seq, &id, None, asked, pepper)?;
    let view = query::view(work.db, seq)?;
    if let Some(once) = once {
        idempotency::remember(work, once, &view, asked.at)?;
    }
    Ok(Accepted::New(Box::new(view)))
}

/// The number of the next message. Notes where in the order of acceptance the hour changes.
pub(super) fn next_seq(work: &Work<'_>, at: UnixMillis) -> Result<MessageSeq, StoreError> {
    let newest: Option<(i64, i64)> = work
        .db
        .prepare_cached("SELECT seq, created_at FROM message ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let seq = newest.map_or(1, |(seq, _)| seq + 1);
    let hour = at.0.div_euclid(HOUR);
    if newest.is_none_or(|(_, before)| before.div_euclid(HOUR) != hour) {
        work.db
            .prepare_cached("INSERT INTO accepted_hour (first_seq, hour) VALUES (:seq, :hour)")?
            .execute(named_params! { ":seq": seq, ":hour": hour })?;
    }
    Ok(MessageSeq(seq))
}

/// A message's row, its parts and its first event.
pub(super) fn enter(
    work: &mut Work<'_>,
    seq: MessageSeq,
    id: &MessageId,
    batch: Option<MessageSeq>,
    asked: &Submission,
    pepper: &Pepper,
) -> Result<(), StoreError> {
    insert(work, seq, id, batch, asked, pepper)?;
    let head = head(work, seq)?;
    let kind = match head.state {
        MessageState::Scheduled => EventKind::Scheduled,
        _ => EventKind::Queued,
    };
    append(work, &head, Event::new(asked.at, kind))?;
    work.moved(head.place(), 1);
    Ok(())
}

fn insert(
    work: &Work<'_>,
    seq: MessageSeq,
    id: &MessageId,
    batch: Option<MessageSeq>,
    asked: &Submission,
    pepper: &Pepper,
) -> Result<(), StoreError> {
    let (text, sealed) = match asked.category {
        Category::Otp => {
            let sealed = pepper.seal(asked.body.expose(), id.as_str(), rand::random());
            (masked_codes(asked.body.expose()), Some(sealed))
        }
        _ => (asked.body.expose().to_owned(), None),
    };
    let due = asked.scheduled_at.filter(|due| *due > asked.at);
    let state = match due {
        Some(_) => MessageState::Scheduled,
        None => MessageState::Queued,
    };
    work.db
        .prepare_cached(
            "INSERT INTO message (seq, id, app, to_number, to_raw, country, category, severity, priority,
                                  state, text, sealed, encoding, parts, flash, ref16, from_modem, client_ref,
                                  next_attempt_at, created_at, scheduled_at, expires_at, batch, template)
             VALUES (:seq, :id, :app, :to_number, :to_raw, :country, :category, :severity, :priority,
                     :state, :text, :sealed, :encoding, :parts, :flash, :ref16, :from_modem, :client_ref,
                     :next_attempt_at, :created_at, :scheduled_at, :expires_at, :batch, :template)",
        )?
        .execute(named_params! {
            ":seq": seq.0,
            ":id": id.as_str(),
            ":app": asked.app,
            ":to_number": asked.to.as_str(),
            ":to_raw": asked.to_raw,
            ":country": asked.to.country(),
            ":category": asked.category.as_str(),
            ":severity": asked.severity.map(Severity::as_str),
            ":priority": asked.category.priority(asked.severity).0,
            ":state": state.as_str(),
            ":text": text,
            ":sealed": sealed.as_ref().map(crate::domain::Sealed::octets),
            ":encoding": asked.encoding.as_str(),
            ":parts": asked.parts,
            ":flash": asked.flash,
            ":ref16": asked.ref16,
            ":from_modem": asked.from_modem.as_ref().map(ModemName::as_str),
            ":client_ref": asked.client_ref,
            ":next_attempt_at": due.map(|due| due.0),
            ":created_at": asked.at.0,
            ":scheduled_at": asked.scheduled_at.map(|at| at.0),
            ":expires_at": asked.expires_at.0,
            ":batch": batch.map(|batch| batch.0),
            ":template": asked.template,
        })?;
    let mut part = work.db.prepare_cached(
        "INSERT INTO part (message, number, state) VALUES (:seq, :number, 'queued')",
    )?;
    for number in 1..=asked.parts {
        part.execute(named_params! { ":seq": seq.0, ":number": number })?;
    }
    Ok(())
}

fn cancel(
    work: &mut Work<'_>,
    id: &MessageId,
    app: Option<&str>,
    at: UnixMillis,
) -> Result<Cancel, StoreError> {
    let Some(seq) = query::seq_of(work.db, id, app)? else {
        return Ok(Cancel::NotFound);
    };
    match cancel_one(work, seq, at)? {
        true => Ok(Cancel::Done(Box::new(query::view(work.db, seq)?))),
        false => Ok(Cancel::TooLate),
    }
}

/// `false`: it is past that.
pub(super) fn cancel_one(
    work: &mut Work<'_>,
    seq: MessageSeq,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    let mut head = head(work, seq)?;
    if !step(work, &mut head, Change::Canceled)? {
        return Ok(false);
    }
    end(work, seq)?;
    append(work, &head, Event::new(at, EventKind::Canceled))?;
    Ok(true)
}

fn release(work: &mut Work<'_>, now: UnixMillis) -> Result<usize, StoreError> {
    let due = seqs(
        work,
        "SELECT seq
           FROM message
          WHERE next_attempt_at <= :now
          ORDER BY next_attempt_at
          LIMIT :limit",
        now,
    )?;
    for seq in &due {
        work.db
            .prepare_cached(
                "UPDATE message
                    SET next_attempt_at = NULL, hold_code = NULL, hold_text = NULL
                  WHERE seq = :seq",
            )?
            .execute(named_params! { ":seq": seq.0 })?;
        let mut head = head(work, *seq)?;
        if step(work, &mut head, Change::Due)? {
            append(work, &head, Event::new(now, EventKind::Queued))?;
        }
    }
    Ok(due.len())
}

fn expire(work: &mut Work<'_>, now: UnixMillis) -> Result<usize, StoreError> {
    let over = seqs(
        work,
        "SELECT seq
           FROM message
          WHERE state IN ('scheduled', 'queued', 'sending')
            AND state <> 'sending'
            AND expires_at <= :now
          ORDER BY expires_at
          LIMIT :limit",
        now,
    )?;
    for seq in &over {
        let mut head = head(work, *seq)?;
        expire_if_over(work, &mut head, now)?;
    }
    Ok(over.len())
}

/// Ends what waits and whose time to live is over. A message that comes back from a try too late ends in the same
/// transaction.
pub(super) fn expire_if_over(
    work: &mut Work<'_>,
    head: &mut Head,
    now: UnixMillis,
) -> Result<(), StoreError> {
    if head.expires_at > now || !step(work, head, Change::TimeOver)? {
        return Ok(());
    }
    end(work, head.seq)?;
    let may_have_left: bool = work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM part WHERE message = :seq AND state = 'uncertain')",
        )?
        .query_row(named_params! { ":seq": head.seq.0 }, |row| row.get(0))?;
    let text = match may_have_left {
        true => "its time to live was over; an earlier try may have left",
        false => "its time to live was over before it was sent",
    };
    error(work, head.seq, "expired", text)?;
    append(work, head, Event::new(now, EventKind::Expired))
}

fn seqs(work: &Work<'_>, sql: &str, now: UnixMillis) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = work.db.prepare_cached(sql)?;
    let rows = statement.query_map(
        named_params! { ":now": now.0, ":limit": i64::try_from(AT_ONCE).unwrap_or(i64::MAX) },
        |row| row.get(0).map(MessageSeq),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What every write about a message needs to know of it.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) seq: MessageSeq,
    pub(super) id: MessageId,
    pub(super) state: MessageState,
    pub(super) to: Addressee,
    pub(super) category: Category,
    pub(super) from_modem: Option<ModemName>,
    pub(super) batch: Option<MessageSeq>,
    pub(super) parts: u8,
    pub(super) strikes: u32,
    pub(super) expires_at: UnixMillis,
    pub(super) is_held: bool,
}

impl Head {
    fn place(&self) -> Place {
        Place {
            state: self.state,
            category: self.category,
            from_modem: self.from_modem.clone(),
        }
    }
}

pub(super) fn head(work: &Work<'_>, seq: MessageSeq) -> Result<Head, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT id, state, to_number, category, from_modem, batch, parts, strikes, expires_at,
                next_attempt_at IS NOT NULL AS is_held
           FROM message
          WHERE seq = :seq",
    )?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let from_modem: Option<String> = row.get("from_modem")?;
    Ok(Head {
        seq,
        id: row::word(row, "id")?,
        state: row::word(row, "state")?,
        to: row::word(row, "to_number")?,
        category: row::word(row, "category")?,
        from_modem: from_modem.as_deref().and_then(ModemName::parse),
        batch: row.get::<_, Option<i64>>("batch")?.map(MessageSeq),
        parts: row.get("parts")?,
        strikes: row.get("strikes")?,
        expires_at: UnixMillis(row.get("expires_at")?),
        is_held: row.get("is_held")?,
    })
}

/// Takes the step that `change` means from where the message stands. `false`: there is no such step from there,
/// and nothing was written.
pub(super) fn step(
    work: &mut Work<'_>,
    head: &mut Head,
    change: Change,
) -> Result<bool, StoreError> {
    step_with(
        work,
        head,
        change,
        "UPDATE message SET state = :to WHERE seq = :seq AND state = :from",
        &[],
    )
}

/// As [`step`], with an UPDATE that sets more than the state. It must be guarded by `seq = :seq AND state = :from`
/// and set `state = :to`.
pub(super) fn step_with(
    work: &mut Work<'_>,
    head: &mut Head,
    change: Change,
    sql: &str,
    values: &[(&str, &dyn ToSql)],
) -> Result<bool, StoreError> {
    let from = head.state;
    let Some(to) = from.after(change) else {
        return Ok(false);
    };
    let (from_word, to_word) = (from.as_str(), to.as_str());
    let guard: [(&str, &dyn ToSql); 3] = [
        (":seq", &head.seq.0),
        (":from", &from_word),
        (":to", &to_word),
    ];
    let all: Vec<(&str, &dyn ToSql)> = guard.iter().chain(values).copied().collect();
    if work.db.prepare_cached(sql)?.execute(all.as_slice())? != 1 {
        return Ok(false);
    }
    if is_unsent(from) {
        work.moved(head.place(), -1);
    }
    head.state = to;
    if is_unsent(to) {
        work.moved(head.place(), 1);
    }
    if let Some(batch) = head.batch {
        work.touch(batch, from, to);
    }
    Ok(true)
}

fn is_unsent(state: MessageState) -> bool {
    use MessageState::*;
    matches!(state, Scheduled | Queued | Sending)
}

/// Clears what only a waiting message has: its hold, and its sealed text.
pub(super) fn end(work: &Work<'_>, seq: MessageSeq) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message
                SET sealed = NULL, next_attempt_at = NULL, hold_code = NULL, hold_text = NULL
              WHERE seq = :seq",
        )?
        .execute(named_params! { ":seq": seq.0 })?;
    Ok(())
}

pub(super) fn error(
    work: &Work<'_>,
    seq: MessageSeq,
    code: &str,
    text: &str,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message SET error_code = :code, error_text = :text WHERE seq = :seq",
        )?
        .execute(named_params! { ":code": code, ":text": text, ":seq": seq.0 })?;
    Ok(())
}

/// Appends to the message's event list, and announces the entry after COMMIT.
pub(super) fn append(work: &mut Work<'_>, head: &Head, event: Event) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO event (message, number, at, kind, part, route, detail)
             VALUES (:seq,
                     (SELECT COALESCE(MAX(number), 0) + 1 FROM event WHERE message = :seq),
                     :at, :kind, :part, :route, :detail)",
        )?
        .execute(named_params! {
            ":seq": head.seq.0,
            ":at": event.at.0,
            ":kind": event.kind.as_str(),
            ":part": event.part.map(|part| part.0),
            ":route": event.route,
            ":detail": event.detail,
        })?;
    work.announce(Step {
        message: head.id.clone(),
        event,
    });
    Ok(())
}
