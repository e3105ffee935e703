//! A message as a whole: accepted, held back and let go, canceled, expired.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{OptionalExtension, ToSql, named_params};

use super::idempotency::{self, Answer, Known, Once};
use super::key;
use super::limit::{self, Counts};
use super::occurrence::{Occurrence, note};
use super::origin::{self, StoredOrigin};
use super::query::{self, MessageView};
use super::recent;
use super::row;
use super::suppression::held_back;
use super::waiting::Place;
use super::writer::{Receipt, Work, job};
use super::{Group, Step, Store, StoreError, preference, verification};
use crate::domain::attempt::MadeOf;
use crate::domain::message::{Change, Policies};
use crate::domain::redact::masked_codes;
use crate::domain::{
    Addressee, BatchId, Body, Category, Crowd, Destination, Encoding, Event, EventKind, KeyId,
    Manners, MessageId, MessageSeq, MessageState, PendingCode, Pepper, Policy, Priority, Reason,
    Severity, Skip, UnixMillis, Via,
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
    /// The only way by which it may leave, when the caller named one.
    pub(crate) via: Option<Via>,
    /// Its class, when it is not that of its category.
    pub(crate) priority: Option<Priority>,
    pub(crate) crowd: Crowd,
    pub(crate) client_ref: Option<String>,
    /// The template it was made of.
    pub(crate) template: Option<i64>,
    /// The same for providers that know texts by their template only.
    pub(crate) made_of: Option<MadeOf>,
    pub(crate) scheduled_at: Option<UnixMillis>,
    pub(crate) expires_at: UnixMillis,
    pub(crate) at: UnixMillis,
    /// The key whose credit pays for it; `None`: nobody's.
    pub(crate) payer: Option<KeyId>,
    pub(crate) counts: Counts,
}

impl<V> Accepted<V> {
    /// What the same request came to before, by its Idempotency-Key.
    pub(super) fn before(
        work: &Work<'_>,
        once: Option<&Once<V>>,
    ) -> Result<Option<Self>, StoreError> {
        Ok(match idempotency::known(work.db, once)? {
            Known::New => None,
            Known::Replay(answer) => Some(Self::Replay(answer)),
            Known::OtherBody => Some(Self::OtherBody),
        })
    }
}

impl Submission {
    /// When it would go out if nothing held it back.
    fn goes_at(&self) -> UnixMillis {
        self.scheduled_at.unwrap_or(self.at).max(self.at)
    }
}

/// What became of a submission.
#[derive(Debug)]
pub(crate) enum Accepted<V = MessageView> {
    New(Box<V>),
    /// The same request was answered before: this was the answer.
    Replay(Answer),
    /// The same Idempotency-Key came with another body before.
    OtherBody,
    /// Its number is not to be written to.
    Suppressed(Reason),
    /// A limit is reached; so long it holds.
    Limited(Duration),
    /// Every recipient of a batch was refused, the first of them before it came here.
    NobodyLeft,
    /// An alert that its number does not want: nothing is stored but that it was skipped.
    Skipped(Skip),
    /// The caller's key has less credit than this needs: nothing is stored.
    NoCredit,
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
pub(super) const AT_ONCE: usize = 100;
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
        let mut group = self.group();
        let receipt = group.accept(submission, once);
        group.submit().await;
        receipt.committed().await
    }

    /// Cancels what is scheduled or queued. `app`: `None` sees all.
    pub(crate) async fn cancel(
        &self,
        id: MessageId,
        app: Option<String>,
        at: UnixMillis,
    ) -> Result<Cancel, StoreError> {
        let mut group = self.group();
        let receipt = group.cancel(id, app, at);
        group.submit().await;
        receipt.committed().await
    }
}

impl Group<'_> {
    /// As [`Store::accept`].
    pub(crate) fn accept(
        &mut self,
        submission: Submission,
        once: Option<Once>,
    ) -> Receipt<Accepted> {
        let pepper = self.store.pepper.clone();
        let manners = Arc::clone(&self.store.manners);
        let (job, receipt) =
            job(move |work| accept(work, &submission, once.as_ref(), &pepper, &manners));
        self.jobs.push(job);
        receipt
    }

    /// As [`Store::cancel`].
    pub(crate) fn cancel(
        &mut self,
        id: MessageId,
        app: Option<String>,
        at: UnixMillis,
    ) -> Receipt<Cancel> {
        let (job, receipt) = job(move |work| cancel(work, &id, app.as_deref(), at));
        self.jobs.push(job);
        receipt
    }

    /// Lets go what was held back until `now`, and expires what was not sent in time. Answers whether there is
    /// more of it.
    pub(crate) fn release_and_expire(
        &mut self,
        policies: Policies,
        now: UnixMillis,
    ) -> Receipt<bool> {
        let manners = Arc::clone(&self.store.manners);
        let (job, receipt) = job(move |work| {
            let expired = expire(work, policies, now)?;
            let released = release(work, &manners, now)?;
            Ok(expired == AT_ONCE || released == AT_ONCE)
        });
        self.jobs.push(job);
        receipt
    }
}

pub(super) fn accept(
    work: &mut Work<'_>,
    asked: &Submission,
    once: Option<&Once>,
    pepper: &Pepper,
    manners: &Manners,
) -> Result<Accepted, StoreError> {
    if let Some(before) = Accepted::before(work, once)? {
        return Ok(before);
    }
    match welcome(work, asked, manners)? {
        Welcome::Yes => {}
        Welcome::Suppressed(reason) => return Ok(Accepted::Suppressed(reason)),
        Welcome::Limited(wait) => return Ok(Accepted::Limited(wait)),
        Welcome::Skipped(skip) => {
            if let Some(once) = once {
                idempotency::remember(work, once, &(once.skipped)(skip), asked.at)?;
            }
            return Ok(Accepted::Skipped(skip));
        }
    }
    if !key::charge(work, asked.payer.as_ref(), 1)? {
        return Ok(Accepted::NoCredit);
    }
    let seq = next_seq(work, asked.at)?;
    let id = MessageId::of_single(seq, asked.at);
    let view = enter(work, seq, &id, None, asked, pepper, manners)?;
    crash_point!(writes Accept);
    if let Some(once) = once {
        idempotency::remember(work, once, &(once.render)(&view), asked.at)?;
    }
    Ok(Accepted::New(Box::new(view)))
}

/// Whether a message may be accepted for its number.
pub(super) enum Welcome {
    Yes,
    Suppressed(Reason),
    Skipped(Skip),
    /// A limit is reached; so long it holds.
    Limited(Duration),
}

pub(super) fn welcome(
    work: &Work<'_>,
    asked: &Submission,
    manners: &Manners,
) -> Result<Welcome, StoreError> {
    if let Some(reason) = held_back(work.db, &manners.stop, &asked.to, asked.category)? {
        return Ok(Welcome::Suppressed(reason));
    }
    if let Some(skip) = unwanted(work, asked, manners)? {
        return Ok(Welcome::Skipped(skip));
    }
    let wait = limit::wait_of_send(work, &asked.to, &asked.counts)?;
    Ok(wait.map_or(Welcome::Yes, Welcome::Limited))
}

/// Why an alert with a severity is not wanted by its number. That it came is on record.
fn unwanted(
    work: &Work<'_>,
    asked: &Submission,
    manners: &Manners,
) -> Result<Option<Skip>, StoreError> {
    let (Category::Alert, Some(severity)) = (asked.category, asked.severity) else {
        return Ok(None);
    };
    let preferences = preference::of_number(work.db, &asked.to, &manners.usual)?;
    let skip = preferences.skip(severity, asked.goes_at());
    if let Some(skip) = skip {
        let occurrence = Occurrence {
            kind: "alert.skipped",
            app: Some(&asked.app),
            number: asked.to.as_str(),
            detail: skip.as_str(),
            at: asked.at,
        };
        note(work, &occurrence)?;
    }
    Ok(skip)
}

/// What a person is told of a message that waits for their end.
pub(super) fn quiet_hours(until: UnixMillis) -> String {
    format!("quiet hours until {until}")
}

/// The number of the next message. Notes where in the order of acceptance the hour changes.
pub(super) fn next_seq(work: &Work<'_>, at: UnixMillis) -> Result<MessageSeq, StoreError> {
    let newest: Option<(i64, i64)> = work
        .kept
        .take("SELECT seq, created_at FROM message ORDER BY seq DESC LIMIT 1")?
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

/// A message's row, its parts, its first event, and what it counts against. Answers what a question for it would: nothing is read again.
pub(super) fn enter(
    work: &mut Work<'_>,
    seq: MessageSeq,
    id: &MessageId,
    batch: Option<MessageSeq>,
    asked: &Submission,
    pepper: &Pepper,
    manners: &Manners,
) -> Result<MessageView, StoreError> {
    let quiet_until = manners.curfew.until(asked.category, asked.goes_at());
    let view = new_view(seq, id, batch, asked, quiet_until);
    insert(work, &view, batch, asked, pepper)?;
    limit::count(work, &asked.counts.counted, asked.counts.at)?;
    let head = Head {
        seq,
        id: id.clone(),
        state: view.state,
        to: view.to.clone(),
        category: asked.category,
        via: asked.via.clone(),
        batch,
        parts: asked.parts,
        strikes: 0,
        expires_at: asked.expires_at,
        is_held: view.next_attempt_at.is_some(),
    };
    let event = match (head.state, quiet_until) {
        (MessageState::Scheduled, Some(until)) => {
            Event::new(asked.at, EventKind::Scheduled).detail(quiet_hours(until))
        }
        (MessageState::Scheduled, None) => Event::new(asked.at, EventKind::Scheduled),
        _ => Event::new(asked.at, EventKind::Queued),
    };
    append_as(work, &head, FIRST_EVENT, event)?;
    work.moved(head.place(), 1);
    Ok(view)
}

/// A message as callers see it before anything has happened to it.
fn new_view(
    seq: MessageSeq,
    id: &MessageId,
    batch: Option<MessageSeq>,
    asked: &Submission,
    quiet_until: Option<UnixMillis>,
) -> MessageView {
    let due = quiet_until.or_else(|| asked.scheduled_at.filter(|due| *due > asked.at));
    let usual = || asked.category.priority(asked.severity);
    MessageView {
        seq,
        id: id.clone(),
        batch: batch.map(|_| BatchId::of_message(id)),
        to: Addressee::Known(asked.to.clone()),
        to_raw: asked.to_raw.clone(),
        country: asked.to.country().map(str::to_owned),
        category: asked.category,
        priority: asked.priority.unwrap_or_else(usual).0,
        state: match due {
            Some(_) => MessageState::Scheduled,
            None => MessageState::Queued,
        },
        text: match asked.category {
            Category::Otp => Body::stored(masked_codes(asked.body.expose())),
            _ => asked.body.clone(),
        },
        is_forgotten: false,
        encoding: asked.encoding,
        parts: asked.parts,
        severity: asked.severity,
        via: asked.via.clone(),
        bond: None,
        strikes: 0,
        setbacks: 0,
        price: None,
        from_number: None,
        client_ref: asked.client_ref.clone(),
        template: asked.template,
        origin: asked.made_of.as_ref().map(StoredOrigin::unopened),
        stays: false,
        route: None,
        tries: 0,
        error: None,
        hold: quiet_until.map(|until| (PendingCode::QuietHours, quiet_hours(until))),
        next_attempt_at: due,
        may_be_duplicate: false,
        created_at: asked.at,
        scheduled_at: asked.scheduled_at,
        expires_at: asked.expires_at,
        sent_at: None,
        delivered_at: None,
        closes_at: None,
    }
}

fn insert(
    work: &Work<'_>,
    view: &MessageView,
    batch: Option<MessageSeq>,
    asked: &Submission,
    pepper: &Pepper,
) -> Result<(), StoreError> {
    let counts = &asked.counts;
    let counted_as = counts.of_number.counted_as;
    let (counted, counted_at) = recent::place(work, view.seq, counted_as, asked.at, counts.at)?;
    let sealed = match asked.category {
        Category::Otp => {
            let nonce = rand::random();
            Some(pepper.seal(asked.body.expose(), view.id.as_str(), nonce))
        }
        _ => None,
    };
    let origin = asked
        .made_of
        .as_ref()
        .map(|made_of| origin::stored(made_of, asked.category, &view.id, pepper))
        .unwrap_or_default();
    work.kept
        .take(
            "INSERT INTO message (seq, id, app, to_number, to_raw, country, category, severity, priority,
                                  state, text, sealed, encoding, parts, flash, ref16, from_modem, crowd, client_ref,
                                  hold_code, hold_text, next_attempt_at, created_at, scheduled_at, expires_at, batch,
                                  template, counted, counted_at, made_of, sealed_values)
             VALUES (:seq, :id, :app, :to_number, :to_raw, :country, :category, :severity, :priority,
                     :state, :text, :sealed, :encoding, :parts, :flash, :ref16, :via, :crowd, :client_ref,
                     :hold_code, :hold_text, :next_attempt_at, :created_at, :scheduled_at, :expires_at, :batch,
                     :template, :counted, :counted_at, :made_of, :sealed_values)",
        )?
        .run(named_params! {
            ":seq": view.seq.0,
            ":id": view.id.as_str(),
            ":app": asked.app,
            ":to_number": asked.to.as_str(),
            ":to_raw": asked.to_raw,
            ":country": view.country,
            ":category": asked.category.as_str(),
            ":severity": asked.severity.map(Severity::as_str),
            ":priority": view.priority,
            ":state": view.state.as_str(),
            ":text": view.text.expose(),
            ":sealed": sealed.as_ref().map(crate::domain::Sealed::octets),
            ":encoding": asked.encoding.as_str(),
            ":parts": asked.parts,
            ":flash": asked.flash,
            ":ref16": asked.ref16,
            ":via": asked.via.as_ref().map(Via::stored),
            ":crowd": asked.crowd.0,
            ":client_ref": asked.client_ref,
            ":hold_code": view.hold.as_ref().map(|(code, _)| code.as_str()),
            ":hold_text": view.hold.as_ref().map(|(_, text)| text),
            ":next_attempt_at": view.next_attempt_at.map(|due| due.0),
            ":created_at": asked.at.0,
            ":scheduled_at": asked.scheduled_at.map(|at| at.0),
            ":expires_at": asked.expires_at.0,
            ":batch": batch.map(|batch| batch.0),
            ":template": asked.template,
            ":counted": counted,
            ":counted_at": counted_at,
            ":made_of": origin.plain,
            ":sealed_values": origin.sealed,
        })?;
    let mut part = work
        .kept
        .take("INSERT INTO part (message, number, state) VALUES (:seq, :number, 'queued')")?;
    for number in 1..=asked.parts {
        part.run(named_params! { ":seq": view.seq.0, ":number": number })?;
    }
    Ok(())
}

pub(super) fn cancel(
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

fn release(work: &mut Work<'_>, manners: &Manners, now: UnixMillis) -> Result<usize, StoreError> {
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
        let mut head = head(work, *seq)?;
        match manners.curfew.until(head.category, now) {
            Some(until) => rest(work, &mut head, until, now)?,
            None => let_go(work, &mut head, now)?,
        }
    }
    Ok(due.len())
}

/// Ends a hold.
pub(super) fn let_go(
    work: &mut Work<'_>,
    head: &mut Head,
    now: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message
                SET next_attempt_at = NULL, hold_code = NULL, hold_text = NULL
              WHERE seq = :seq",
        )?
        .execute(named_params! { ":seq": head.seq.0 })?;
    if step(work, head, Change::Due)? {
        append(work, head, Event::new(now, EventKind::Queued))?;
    }
    Ok(())
}

/// Holds back what waits, until quiet hours are over.
pub(super) fn rest(
    work: &mut Work<'_>,
    head: &mut Head,
    until: UnixMillis,
    now: UnixMillis,
) -> Result<(), StoreError> {
    if head.state == MessageState::Queued && !step(work, head, Change::QuietBegins)? {
        return Ok(());
    }
    let held = work
        .db
        .prepare_cached(
            "UPDATE message
                SET next_attempt_at = :until, hold_code = :code, hold_text = :text
              WHERE seq = :seq AND state = 'scheduled'",
        )?
        .execute(named_params! {
            ":until": until.0,
            ":code": PendingCode::QuietHours.as_str(),
            ":text": quiet_hours(until),
            ":seq": head.seq.0,
        })?;
    if held == 1 {
        let event = Event::new(now, EventKind::Scheduled).detail(quiet_hours(until));
        append(work, head, event)?;
    }
    Ok(())
}

fn expire(work: &mut Work<'_>, policies: Policies, now: UnixMillis) -> Result<usize, StoreError> {
    let over = seqs(
        work,
        "SELECT seq
           FROM message
          WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending')
            AND state <> 'sending'
            AND expires_at <= :now
          ORDER BY expires_at
          LIMIT :limit",
        now,
    )?;
    for seq in &over {
        let mut head = head(work, *seq)?;
        let left = parts_left(work, &head)?;
        match left {
            Some(left) if policies[head.category.index()] == Policy::Lose => {
                let ending = Ending {
                    change: Change::GivenUp,
                    kind: EventKind::Failed,
                    code: "incomplete",
                    text: left,
                };
                end_as(work, &mut head, &ending, now)?;
            }
            left => expire_now(work, &mut head, left, now)?,
        }
    }
    Ok(over.len())
}

fn expire_now(
    work: &mut Work<'_>,
    head: &mut Head,
    left: Option<String>,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let may_have_left: bool = work
        .db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM part WHERE message = :seq AND state = 'uncertain')",
        )?
        .query_row(named_params! { ":seq": head.seq.0 }, |row| row.get(0))?;
    let ending = Ending {
        change: Change::TimeOver,
        kind: EventKind::Expired,
        code: "expired",
        text: match left {
            Some(left) => format!("its time to live was over; {left}"),
            None if may_have_left => {
                "its time to live was over; an earlier try may have left".into()
            }
            None => "its time to live was over before it was sent".into(),
        },
    };
    end_as(work, head, &ending, now)
}

/// How a message ends whose time is over.
pub(super) struct Ending {
    pub(super) change: Change,
    pub(super) kind: EventKind,
    pub(super) code: &'static str,
    pub(super) text: String,
}

pub(super) fn end_as(
    work: &mut Work<'_>,
    head: &mut Head,
    ending: &Ending,
    now: UnixMillis,
) -> Result<(), StoreError> {
    if !step(work, head, ending.change)? {
        return Ok(());
    }
    end(work, head.seq)?;
    error(work, head.seq, ending.code, &ending.text)?;
    let event = Event::new(now, ending.kind).detail(ending.text.clone());
    append(work, head, event)
}

/// "2 of 3 parts left", when some did and not all.
pub(super) fn parts_left(work: &Work<'_>, head: &Head) -> Result<Option<String>, StoreError> {
    if head.parts == 1 {
        return Ok(None);
    }
    let (left, doubtful): (u32, u32) = work
        .db
        .prepare_cached(
            "SELECT COALESCE(SUM(state NOT IN ('queued', 'sending', 'uncertain')), 0),
                    COALESCE(SUM(state = 'uncertain'), 0)
               FROM part
              WHERE message = :seq",
        )?
        .query_row(named_params! { ":seq": head.seq.0 }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    Ok(match (left, doubtful) {
        (0, 0) => None,
        (left, 0) => Some(format!("{left} of {} parts left", head.parts)),
        (left, doubtful) => Some(format!(
            "{left} of {} parts left, {doubtful} may have",
            head.parts
        )),
    })
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
    pub(super) via: Option<Via>,
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
            via: self.via.clone(),
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
    let via: Option<String> = row.get("from_modem")?;
    Ok(Head {
        seq,
        id: row::word(row, "id")?,
        state: row::word(row, "state")?,
        to: row::word(row, "to_number")?,
        category: row::word(row, "category")?,
        via: via.as_deref().and_then(Via::parse),
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
    if head.category == Category::Otp && matches!(to, MessageState::Failed | MessageState::Expired)
    {
        verification::forgive(work, head.seq)?;
    }
    Ok(true)
}

fn is_unsent(state: MessageState) -> bool {
    use MessageState::*;
    matches!(state, Scheduled | Queued | Sending)
}

/// It may leave by this way only from now on.
pub(super) fn rename_via(work: &mut Work<'_>, mut head: Head, via: &Via) -> Result<(), StoreError> {
    work.db
        .prepare_cached("UPDATE message SET from_modem = :via, crowd = :crowd WHERE seq = :seq")?
        .execute(named_params! {
            ":via": via.stored(),
            ":crowd": Crowd::of_via(via).0,
            ":seq": head.seq.0,
        })?;
    if is_unsent(head.state) {
        work.moved(head.place(), -1);
        head.via = Some(via.clone());
        work.moved(head.place(), 1);
    }
    Ok(())
}

/// Clears what only a waiting message has: its hold, and its sealed text.
pub(super) fn end(work: &Work<'_>, seq: MessageSeq) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message
                SET sealed = NULL, made_of = NULL, sealed_values = NULL, next_attempt_at = NULL, hold_code = NULL, hold_text = NULL
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
    append_as(work, head, None, event)
}

/// The number of a message's first event.
const FIRST_EVENT: Option<i64> = Some(1);

/// `number`: its place in the list, where it is known without looking.
fn append_as(
    work: &mut Work<'_>,
    head: &Head,
    number: Option<i64>,
    event: Event,
) -> Result<(), StoreError> {
    work.kept
        .take(
            "INSERT INTO event (message, number, at, kind, part, route, detail)
             VALUES (:seq,
                     COALESCE(:number, (SELECT COALESCE(MAX(number), 0) + 1 FROM event WHERE message = :seq)),
                     :at, :kind, :part, :route, :detail)",
        )?
        .run(named_params! {
            ":seq": head.seq.0,
            ":number": number,
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
