//! Batches: one request, many recipients. Counted as their messages take their steps; nobody counts rows.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::idempotency::{self, Once};
use super::key;
use super::list::cut;
use super::message::{self, Accepted, Submission, Welcome};
use super::query::{self, MessageView};
use super::row::word;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::batch::{BatchState, Standing, Tally};
use crate::domain::{
    BatchId, Category, Manners, MessageId, MessageSeq, MessageState, Pepper, UnixMillis,
};

/// What a caller asked for, with nothing left to doubt: at least one message, no number twice.
#[derive(Clone, Debug)]
pub(crate) struct BatchSubmission {
    app: String,
    /// With their places in the request, from 0.
    messages: Vec<(usize, Submission)>,
    rejected: Vec<Rejected>,
    at: UnixMillis,
}

/// A recipient that gets no message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rejected {
    /// Its place in the request, from 0.
    pub(crate) index: usize,
    /// As the caller wrote it.
    pub(crate) to: String,
    pub(crate) code: String,
}

/// A batch as callers see it.
#[derive(Clone, Debug)]
pub(crate) struct BatchView {
    /// That of its first message.
    pub(crate) seq: MessageSeq,
    pub(crate) id: BatchId,
    pub(crate) state: BatchState,
    pub(crate) category: Category,
    pub(crate) tally: Tally,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) created_at: UnixMillis,
    pub(crate) scheduled_at: Option<UnixMillis>,
    pub(crate) completed_at: Option<UnixMillis>,
}

/// A batch that is over, as it was committed.
#[derive(Clone, Debug)]
pub(crate) struct BatchStep {
    pub(crate) batch: BatchId,
    /// `Completed` or `Failed`.
    pub(crate) state: BatchState,
    pub(crate) at: UnixMillis,
}

/// One page of a list, newest first.
#[derive(Debug)]
pub(crate) struct BatchPage {
    pub(crate) batches: Vec<BatchView>,
    pub(crate) has_more: bool,
}

/// What became of a wish to cancel all of a batch that still waits.
#[derive(Debug)]
pub(crate) enum CancelBatch {
    Done(Box<BatchView>),
    TooLate,
    NotFound,
}

impl BatchSubmission {
    /// `None` without a message. Of several to one number the first is kept.
    pub(crate) fn new(
        messages: Vec<(usize, Submission)>,
        rejected: Vec<Rejected>,
        at: UnixMillis,
    ) -> Option<Self> {
        let mut seen = HashSet::new();
        let messages: Vec<(usize, Submission)> = messages
            .into_iter()
            .filter(|(_, message)| seen.insert(message.to.clone()))
            .collect();
        Some(Self {
            app: messages.first()?.1.app.clone(),
            messages,
            rejected,
            at,
        })
    }

    pub(crate) fn category(&self) -> Category {
        self.messages[0].1.category
    }
}

impl Store {
    /// Accepts all messages of a batch, the batch, and the answer to its Idempotency-Key, in one transaction.
    pub(crate) async fn accept_batch(
        &self,
        submission: BatchSubmission,
        once: Option<Once<BatchView>>,
    ) -> Result<Accepted<BatchView>, StoreError> {
        let pepper = self.pepper.clone();
        let manners = Arc::clone(&self.manners);
        let (job, receipt) =
            job(move |work| accept(work, &submission, once.as_ref(), &pepper, &manners));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The batch with this id. `app`: `None` sees all.
    pub(crate) async fn batch(
        &self,
        id: BatchId,
        app: Option<String>,
    ) -> Result<Option<BatchView>, StoreError> {
        self.readers
            .ask(move |db| find(db, &id, app.as_deref()))
            .await
    }

    /// One page of the messages of a batch, in the order of the request, and how many there are in all. `None`: there is
    /// no such batch.
    pub(crate) async fn batch_messages(
        &self,
        id: BatchId,
        app: Option<String>,
        state: Option<MessageState>,
        skip: i64,
        size: i64,
    ) -> Result<Option<(Vec<MessageView>, i64)>, StoreError> {
        self.readers
            .ask(move |db| {
                let Some(batch) = find(db, &id, app.as_deref())? else {
                    return Ok(None);
                };
                messages(db, &batch, state, skip, size).map(Some)
            })
            .await
    }

    /// At most `limit` batches accepted before `before`, newest first.
    pub(crate) async fn batches(
        &self,
        app: Option<String>,
        before: Option<MessageSeq>,
        limit: u32,
    ) -> Result<BatchPage, StoreError> {
        self.readers
            .ask(move |db| list(db, app.as_deref(), before, limit))
            .await
    }

    /// Cancels what of a batch is scheduled or queued, in one transaction.
    pub(crate) async fn cancel_batch(
        &self,
        id: BatchId,
        app: Option<String>,
        at: UnixMillis,
    ) -> Result<CancelBatch, StoreError> {
        let (job, receipt) = job(move |work| cancel(work, &id, app.as_deref(), at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

fn accept(
    work: &mut Work<'_>,
    asked: &BatchSubmission,
    once: Option<&Once<BatchView>>,
    pepper: &Pepper,
    manners: &Manners,
) -> Result<Accepted<BatchView>, StoreError> {
    if let Some(before) = Accepted::before(work, once)? {
        return Ok(before);
    }
    let (messages, rejected) = match welcome(work, asked, manners)? {
        Ok(welcome) => welcome,
        Err(Welcome::Suppressed(reason)) => return Ok(Accepted::Suppressed(reason)),
        Err(Welcome::Limited(wait)) => return Ok(Accepted::Limited(wait)),
        Err(Welcome::Skipped(skip)) => {
            if let Some(once) = once {
                idempotency::remember(work, once, &(once.skipped)(skip), asked.at)?;
            }
            return Ok(Accepted::Skipped(skip));
        }
        Err(Welcome::Yes) => return Ok(Accepted::NobodyLeft),
    };
    // All of a batch have the same payer, and it is paid for whole or not at all.
    let payer = messages.first().and_then(|one| one.payer.as_ref());
    if !key::charge(work, payer, messages.len())? {
        return Ok(Accepted::NoCredit);
    }
    let first = message::next_seq(work, asked.at)?;
    let id = BatchId::of(first, asked.at);
    insert(work, first, &id, asked, messages.len(), &rejected)?;
    for (index, message) in messages.into_iter().enumerate() {
        let seq = MessageSeq(first.0 + i64::try_from(index).unwrap_or(i64::MAX));
        let id = MessageId::in_batch(first, asked.at, index + 1);
        message::enter(work, seq, &id, Some(first), message, pepper, manners)?;
    }
    let view = view(work.db, first)?;
    if let Some(once) = once {
        idempotency::remember(work, once, &(once.render)(&view), asked.at)?;
    }
    Ok(Accepted::New(Box::new(view)))
}

/// Those who may be written to, and those who were refused before or are now.
type Guests<'a> = (Vec<&'a Submission>, Vec<Rejected>);

/// Asks for each number whether it may be written to. `Err`: none may, and why the first may not, if the first of the
/// request is among them.
fn welcome<'a>(
    work: &Work<'_>,
    asked: &'a BatchSubmission,
    manners: &Manners,
) -> Result<Result<Guests<'a>, Welcome>, StoreError> {
    let (mut messages, mut rejected) = (Vec::new(), asked.rejected.clone());
    let refused_before = rejected.iter().map(|one| one.index).min();
    let mut first_refusal = None;
    for (index, one) in &asked.messages {
        let refusal = message::welcome(work, one, manners)?;
        let code = match &refusal {
            Welcome::Yes => {
                messages.push(one);
                continue;
            }
            Welcome::Suppressed(_) => "destination_blocked",
            Welcome::Skipped(skip) => skip.as_str(),
            Welcome::Limited(_) => "rate_limited",
        };
        rejected.push(Rejected {
            index: *index,
            to: one.to_raw.clone(),
            code: code.into(),
        });
        let is_first = refused_before.is_none_or(|before| *index < before);
        first_refusal = first_refusal.or(is_first.then_some(refusal));
    }
    rejected.sort_by_key(|one| one.index);
    Ok(match messages.is_empty() {
        true => Err(first_refusal.unwrap_or(Welcome::Yes)),
        false => Ok((messages, rejected)),
    })
}

fn insert(
    work: &Work<'_>,
    seq: MessageSeq,
    id: &BatchId,
    asked: &BatchSubmission,
    messages: usize,
    rejected: &[Rejected],
) -> Result<(), StoreError> {
    let (_, first) = &asked.messages[0];
    work.db
        .prepare_cached(
            "INSERT INTO batch (seq, id, app, state, category, total, waiting, sending, success, failed,
                                rejected, created_at, scheduled_at)
             VALUES (:seq, :id, :app, :state, :category, :total, :total, 0, 0, 0,
                     :rejected, :created_at, :scheduled_at)",
        )?
        .execute(named_params! {
            ":seq": seq.0,
            ":id": id.as_str(),
            ":app": asked.app,
            ":state": BatchState::Pending.as_str(),
            ":category": first.category.as_str(),
            ":total": i64::try_from(messages).unwrap_or(i64::MAX),
            ":rejected": written(rejected),
            ":created_at": asked.at.0,
            ":scheduled_at": first.scheduled_at.map(|at| at.0),
        })?;
    Ok(())
}

fn written(rejected: &[Rejected]) -> String {
    let list: Vec<serde_json::Value> = rejected
        .iter()
        .map(|one| serde_json::json!([one.index, one.to, one.code]))
        .collect();
    serde_json::Value::from(list).to_string()
}

fn read(rejected: &str) -> Result<Vec<Rejected>, StoreError> {
    let list: Vec<(usize, String, String)> = serde_json::from_str(rejected)
        .map_err(|_| StoreError::Corrupt("column rejected is no list".into()))?;
    Ok(list
        .into_iter()
        .map(|(index, to, code)| Rejected { index, to, code })
        .collect())
}

fn cancel(
    work: &mut Work<'_>,
    id: &BatchId,
    app: Option<&str>,
    at: UnixMillis,
) -> Result<CancelBatch, StoreError> {
    let Some(batch) = find(work.db, id, app)? else {
        return Ok(CancelBatch::NotFound);
    };
    let mut canceled = 0;
    for seq in waiting(work, &batch)? {
        canceled += u32::from(message::cancel_one(work, seq, at)?);
    }
    if canceled == 0 {
        return Ok(CancelBatch::TooLate);
    }
    // What this transaction did to it must be in what is shown.
    settle(work)?;
    Ok(CancelBatch::Done(Box::new(view(work.db, batch.seq)?)))
}

fn waiting(work: &Work<'_>, batch: &BatchView) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT seq
           FROM message
          WHERE seq >= :first AND seq < :end AND state IN ('scheduled', 'queued')",
    )?;
    let values = named_params! {
        ":first": batch.seq.0,
        ":end": batch.seq.0 + batch.tally.total(),
    };
    let rows = statement.query_map(values, |row| row.get(0).map(MessageSeq))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Steps of messages of one batch within one job.
#[derive(Debug)]
pub(super) struct Touched {
    batch: MessageSeq,
    change: Tally,
}

/// Notes that a message of `batch` took a step.
pub(super) fn touch(
    touched: &mut Vec<Touched>,
    batch: MessageSeq,
    from: MessageState,
    to: MessageState,
) {
    let at = match touched.iter().position(|one| one.batch == batch) {
        Some(at) => at,
        None => {
            touched.push(Touched {
                batch,
                change: Tally::default(),
            });
            touched.len() - 1
        }
    };
    touched[at].change.count(Standing::of(from), -1);
    touched[at].change.count(Standing::of(to), 1);
}

/// At the end of a job: what its messages' steps came to for their batches (semantics §1). States between do not count.
pub(super) fn settle(work: &mut Work<'_>) -> Result<(), StoreError> {
    for Touched { batch, change } in work.touched() {
        if change == Tally::default() {
            continue;
        }
        let counted = work
            .db
            .prepare_cached(
                "UPDATE batch
                    SET waiting = waiting + :waiting, sending = sending + :sending,
                        success = success + :success, failed = failed + :failed
                  WHERE seq = :seq
              RETURNING id, state, waiting, sending, success, failed",
            )?
            .query_row(
                named_params! {
                    ":waiting": change.waiting,
                    ":sending": change.sending,
                    ":success": change.success,
                    ":failed": change.failed,
                    ":seq": batch.0,
                },
                |row| Ok(counted(row)),
            )
            .optional()?;
        if let Some(counted) = counted {
            let (id, before, tally) = counted?;
            move_on(work, batch, id, before, tally.state(before))?;
        }
    }
    Ok(())
}

fn counted(row: &Row<'_>) -> Result<(BatchId, BatchState, Tally), StoreError> {
    Ok((word(row, "id")?, word(row, "state")?, tally(row)?))
}

fn move_on(
    work: &mut Work<'_>,
    seq: MessageSeq,
    id: BatchId,
    from: BatchState,
    to: BatchState,
) -> Result<(), StoreError> {
    if from == to {
        return Ok(());
    }
    let at = work.last_event_at();
    work.db
        .prepare_cached(
            "UPDATE batch
                SET state = :to, completed_at = :completed_at
              WHERE seq = :seq AND state = :from",
        )?
        .execute(named_params! {
            ":to": to.as_str(),
            ":completed_at": to.is_over().then_some(at.0),
            ":seq": seq.0,
            ":from": from.as_str(),
        })?;
    if to.is_over() {
        work.announce_batch(BatchStep {
            batch: id,
            state: to,
            at,
        });
    }
    Ok(())
}

const VIEW: &str = "SELECT seq, id, state, category, waiting, sending, success, failed, rejected,
       created_at, scheduled_at, completed_at
  FROM batch";

fn view(db: &Connection, seq: MessageSeq) -> Result<BatchView, StoreError> {
    let mut statement = db.prepare_cached(&format!("{VIEW} WHERE seq = :seq"))?;
    let mut rows = statement.query(named_params! { ":seq": seq.0 })?;
    view_of(rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
}

pub(super) fn find(
    db: &Connection,
    id: &BatchId,
    app: Option<&str>,
) -> Result<Option<BatchView>, StoreError> {
    let sql = format!("{VIEW} WHERE id = :id AND (:app IS NULL OR app = :app)");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! { ":id": id.as_str(), ":app": app })?;
    rows.next()?.map(view_of).transpose()
}

/// A batch's messages have consecutive numbers, and are a thousand at most.
fn messages(
    db: &Connection,
    batch: &BatchView,
    state: Option<MessageState>,
    skip: i64,
    size: i64,
) -> Result<(Vec<MessageView>, i64), StoreError> {
    const FITS: &str = "seq >= :first AND seq < :end AND (:state IS NULL OR state = :state)";
    let (first, end) = (batch.seq.0, batch.seq.0 + batch.tally.total());
    let state = state.map(MessageState::as_str);
    let total = db
        .prepare_cached(&format!("SELECT COUNT(*) FROM message WHERE {FITS}"))?
        .query_row(
            named_params! { ":first": first, ":end": end, ":state": state },
            |row| row.get(0),
        )?;
    let sql = format!(
        "{} WHERE {FITS} ORDER BY seq LIMIT :size OFFSET :skip",
        query::VIEW
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":first": first,
        ":end": end,
        ":state": state,
        ":size": size,
        ":skip": skip,
    })?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(query::view_of(row)?);
    }
    Ok((page, total))
}

fn list(
    db: &Connection,
    app: Option<&str>,
    before: Option<MessageSeq>,
    limit: u32,
) -> Result<BatchPage, StoreError> {
    let of_app = match app {
        Some(_) => "app = :app",
        None => ":app IS NULL",
    };
    let sql = format!("{VIEW} WHERE {of_app} AND seq < :before ORDER BY seq DESC LIMIT :limit");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":app": app,
        ":before": before.map_or(i64::MAX, |seq| seq.0),
        ":limit": limit + 1,
    })?;
    let mut batches = Vec::new();
    while let Some(row) = rows.next()? {
        batches.push(view_of(row)?);
    }
    let has_more = cut(&mut batches, limit);
    Ok(BatchPage { batches, has_more })
}

fn view_of(row: &Row<'_>) -> Result<BatchView, StoreError> {
    let moment = |column: &str| -> Result<Option<UnixMillis>, StoreError> {
        Ok(row.get::<_, Option<i64>>(column)?.map(UnixMillis))
    };
    let rejected: String = row.get("rejected")?;
    Ok(BatchView {
        seq: MessageSeq(row.get("seq")?),
        id: word(row, "id")?,
        state: word(row, "state")?,
        category: word(row, "category")?,
        tally: tally(row)?,
        rejected: read(&rejected)?,
        created_at: UnixMillis(row.get("created_at")?),
        scheduled_at: moment("scheduled_at")?,
        completed_at: moment("completed_at")?,
    })
}

fn tally(row: &Row<'_>) -> Result<Tally, StoreError> {
    Ok(Tally {
        waiting: row.get("waiting")?,
        sending: row.get("sending")?,
        success: row.get("success")?,
        failed: row.get("failed")?,
    })
}
