//! Quiet hours that begin, and holds that no longer fit them: found by a reader, changed in steps so small that a send
//! does not wait behind them.

use std::sync::Arc;

use rusqlite::{Connection, named_params};

use super::message::{AT_ONCE, head, let_go, quiet_hours, rest};
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::{Category, Manners, MessageSeq, MessageState, PendingCode, UnixMillis};

/// Messages that are looked for at once.
const MOST_FOUND: usize = 5_000;

impl Store {
    /// Makes what waits fit the quiet hours as they are at `now`: what stands in line and must not go rests, what rests
    /// for longer than it must is let go. Answers whether there is more of it.
    pub(crate) async fn keep_quiet(&self, now: UnixMillis) -> Result<bool, StoreError> {
        let manners = Arc::clone(&self.manners);
        let found = self
            .readers
            .ask(move |db| {
                let mut found = match manners.curfew.is_on(now) {
                    true => in_line(db, &manners.curfew.categories)?,
                    false => Vec::new(),
                };
                found.extend(misfits(db, &manners, now)?);
                Ok(found)
            })
            .await?;
        let more = found.len() >= MOST_FOUND;
        for some in found.chunks(AT_ONCE) {
            let some = some.to_vec();
            let manners = Arc::clone(&self.manners);
            let (job, receipt) = job(move |work| {
                some.iter()
                    .try_for_each(|seq| reconsider(work, &manners, *seq, now))
            });
            self.door.submit(vec![job]).await;
            receipt.committed().await?;
        }
        Ok(more)
    }
}

/// What stands in line and is of a category that must rest.
fn in_line(db: &Connection, categories: &[Category]) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT seq
           FROM message INDEXED BY message_in_line
          WHERE state = 'queued' AND next_attempt_at IS NULL AND category IN (:one, :other)
          LIMIT :limit",
    )?;
    let word = |at: usize| categories.get(at).map(|category| category.as_str());
    let rows = statement.query_map(
        named_params! {
            ":one": word(0),
            ":other": word(1),
            ":limit": i64::try_from(MOST_FOUND).unwrap_or(i64::MAX),
        },
        |row| row.get(0).map(MessageSeq),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What rests to a moment that is not, or no longer, the end of the quiet hours it rests for: the config or the clock
/// was changed.
fn misfits(
    db: &Connection,
    manners: &Manners,
    now: UnixMillis,
) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT seq, category, scheduled_at, next_attempt_at
           FROM message
          WHERE hold_code = 'quiet_hours'",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let category: Category = super::row::word(row, "category")?;
        let goes_at = goes_at(row.get("scheduled_at")?, now);
        let held_until = UnixMillis(row.get("next_attempt_at")?);
        if manners.curfew.until(category, goes_at) != Some(held_until) {
            found.push(MessageSeq(row.get("seq")?));
        }
        if found.len() >= MOST_FOUND {
            break;
        }
    }
    Ok(found)
}

fn goes_at(scheduled_at: Option<i64>, now: UnixMillis) -> UnixMillis {
    scheduled_at.map_or(now, |at| UnixMillis(at).max(now))
}

fn reconsider(
    work: &mut Work<'_>,
    manners: &Manners,
    seq: MessageSeq,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let (scheduled_at, is_resting): (Option<i64>, bool) = work
        .db
        .prepare_cached(
            "SELECT scheduled_at, COALESCE(hold_code, '') = 'quiet_hours' FROM message WHERE seq = :seq",
        )?
        .query_row(named_params! { ":seq": seq.0 }, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut head = head(work, seq)?;
    // Begun, canceled, or held back for another reason meanwhile.
    let is_in_line = head.state == MessageState::Queued && !head.is_held;
    let is_resting = is_resting && head.state == MessageState::Scheduled;
    if !is_in_line && !is_resting {
        return Ok(());
    }
    let goes_at = goes_at(scheduled_at, now);
    match manners.curfew.until(head.category, goes_at) {
        Some(until) if is_in_line => rest(work, &mut head, until, now),
        Some(until) => hold(work, seq, until, Some(quiet_hours(until))),
        None if goes_at > now => hold(work, seq, goes_at, None),
        None => let_go(work, &mut head, now),
    }
}

/// Moves the end of a rest. No step: it waits before and after.
fn hold(
    work: &Work<'_>,
    seq: MessageSeq,
    until: UnixMillis,
    quiet: Option<String>,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message
                SET next_attempt_at = :until, hold_code = :code, hold_text = :text
              WHERE seq = :seq AND state = 'scheduled'",
        )?
        .execute(named_params! {
            ":until": until.0,
            ":code": quiet.as_ref().map(|_| PendingCode::QuietHours.as_str()),
            ":text": quiet,
            ":seq": seq.0,
        })?;
    Ok(())
}
