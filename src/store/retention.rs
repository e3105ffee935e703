//! What is forgotten, and when (semantics §11). In small steps, each a transaction of its own, so that a send never waits
//! long behind one.
//!
//! Messages are walked in the order of their acceptance, the oldest first, and not past the first that is young or not
//! final: a step reads and writes [`STEP`] of them at most, whatever is stored.

use std::time::Duration;

use rusqlite::{OptionalExtension, Row, named_params};

use super::row::word;
use super::writer::{Work, job};
use super::{Store, StoreError, audit, inbound, limit, occurrence, verification};
use crate::domain::{Addressee, MessageState, Pepper, UnixMillis};

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    pub(crate) idempotency: Duration,
    pub(crate) inbox: Duration,
    /// Texts and numbers of messages.
    pub(crate) bodies: Duration,
    /// Messages, with all that belongs to them.
    pub(crate) messages: Duration,
    /// Their event lists.
    pub(crate) events: Duration,
    /// The record of who did what.
    pub(crate) log: Duration,
    /// What limits count: as long as the longest of their windows.
    pub(crate) limits: Duration,
    /// Verifications, after their end.
    pub(crate) verifications: Duration,
}

/// Reports that fit no part (semantics §2).
const ORPHANS: Duration = Duration::from_secs(3600);
/// Messages that one transaction forgets: a few milliseconds.
const STEP: usize = 100;
/// Single rows that one transaction deletes.
const ROWS: i64 = 500;

/// One kind of thing to forget.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Answers,
    Orphans,
    Inbox,
    Bodies,
    Events,
    Messages,
    /// What happened that is no step of a message.
    Occurrences,
    /// The record of who did what.
    Audit,
    /// What limits count.
    Counted,
    Verifications,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Answers,
        Self::Orphans,
        Self::Inbox,
        Self::Bodies,
        Self::Events,
        Self::Messages,
        Self::Occurrences,
        Self::Audit,
        Self::Counted,
        Self::Verifications,
    ];

    fn kept(self, ages: &Ages) -> Duration {
        match self {
            Self::Answers => ages.idempotency,
            Self::Orphans => ORPHANS,
            Self::Inbox => ages.inbox,
            Self::Bodies => ages.bodies,
            Self::Events | Self::Occurrences => ages.events,
            Self::Messages => ages.messages,
            Self::Audit => ages.log,
            Self::Counted => ages.limits,
            Self::Verifications => ages.verifications,
        }
    }
}

impl Store {
    /// Forgets a step's worth of everything that is older than its age; answers whether there is more to forget.
    pub(crate) async fn forget(&self, ages: Ages, now: UnixMillis) -> Result<bool, StoreError> {
        let mut has_more = false;
        for kind in Kind::ALL {
            let kept = i64::try_from(kind.kept(&ages).as_millis()).unwrap_or(i64::MAX);
            let counted = i64::try_from(ages.limits.as_millis()).unwrap_or(i64::MAX);
            let times = Times {
                before: now.0.saturating_sub(kept),
                counted_since: now.0.saturating_sub(counted),
                now: now.0,
            };
            let pepper = self.pepper.clone();
            let (job, receipt) = job(move |work| forget(work, kind, times, &pepper));
            self.door.submit(vec![job]).await;
            has_more |= receipt.committed().await?;
        }
        Ok(has_more)
    }
}

#[derive(Clone, Copy, Debug)]
struct Times {
    /// What is older is forgotten.
    before: i64,
    /// What is younger counts for limits.
    counted_since: i64,
    now: i64,
}

/// Answers whether there may be more.
fn forget(
    work: &mut Work<'_>,
    kind: Kind,
    times: Times,
    pepper: &Pepper,
) -> Result<bool, StoreError> {
    let before = times.before;
    let full_step = usize::try_from(ROWS).unwrap_or(usize::MAX);
    match kind {
        Kind::Answers => Ok(delete(work, ANSWERS, before)? == full_step),
        Kind::Orphans => Ok(delete(work, OLD_ORPHANS, before)? == full_step),
        Kind::Inbox => Ok(inbound::forget(work, before, ROWS)? == full_step),
        Kind::Bodies => bodies(work, times, pepper),
        Kind::Events => events(work, times),
        Kind::Messages => messages(work, times),
        Kind::Audit => Ok(audit::forget(work, before, ROWS)? == full_step),
        Kind::Counted => Ok(limit::forget(work, before, ROWS)? == full_step),
        Kind::Occurrences => Ok(occurrence::forget(work, before, ROWS)? == full_step),
        Kind::Verifications => Ok(verification::forget(work, before, ROWS)? == full_step),
    }
}

const ANSWERS: &str = "DELETE FROM idempotency
  WHERE scope IN (SELECT scope
                    FROM idempotency INDEXED BY idempotency_age
                   WHERE created_at < :before
                   LIMIT :rows)";

const OLD_ORPHANS: &str = "DELETE FROM orphan_report
  WHERE number IN (SELECT number
                     FROM orphan_report INDEXED BY orphan_report_age
                    WHERE received_at < :before
                    LIMIT :rows)";

fn delete(work: &Work<'_>, sql: &str, before: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(sql)?
        .execute(named_params! { ":before": before, ":rows": ROWS })?)
}

/// A message on the way to being forgotten.
struct Old {
    seq: i64,
    to: Addressee,
    is_final: bool,
    is_old: bool,
    /// A limit may still ask for it.
    is_counted: bool,
}

/// The longest that `schedule.max_ahead_days` may say, in milliseconds.
const FARTHEST_AHEAD: i64 = 3_650 * 86_400_000;

/// How the steps are read: `age` is what a message's age is told by. Never the newest message of all, from which the next
/// takes its number.
fn step_sql(age: &str) -> String {
    format!(
        "SELECT seq, to_number, state, closes_at, counted, counted_at, {age} AS aged_at
           FROM message
          WHERE seq > :mark AND seq < (SELECT MAX(seq) FROM message)
          ORDER BY seq
          LIMIT :step"
    )
}

const SINCE_ACCEPTED: &str = "created_at";
/// How each kind of step is read.
#[cfg(test)]
pub(super) fn step_sqls() -> [String; 2] {
    [SINCE_ACCEPTED, SINCE_LAST_EVENT].map(step_sql)
}

const SINCE_LAST_EVENT: &str =
    "COALESCE((SELECT MAX(at) FROM event WHERE message = seq), created_at)";

/// The front of what follows `mark` that can be forgotten, and whether all of the step could.
fn front(
    work: &Work<'_>,
    mark: i64,
    age: &str,
    times: Times,
) -> Result<(Vec<Old>, bool), StoreError> {
    let mut statement = work.db.prepare_cached(&step_sql(age))?;
    let mut rows = statement.query(named_params! {
        ":mark": mark,
        ":step": i64::try_from(STEP).unwrap_or(i64::MAX),
    })?;
    let mut front = Vec::new();
    while let Some(row) = rows.next()? {
        front.push(old(row, times)?);
    }
    let is_full = front.len() == STEP;
    let read = front.len();
    let finals = front.iter().take_while(|one| one.is_final).count();
    front.truncate(finals);
    // One that is younger than its successor was accepted while the clock was wrong: it is as old as that.
    let last_old = front.iter().rposition(|one| one.is_old);
    front.truncate(last_old.map_or(0, |last| last + 1));
    let all_of_it = is_full && front.len() == read;
    Ok((front, all_of_it))
}

fn old(row: &Row<'_>, times: Times) -> Result<Old, StoreError> {
    use MessageState::{Sent, Unknown};
    let state: MessageState = word(row, "state")?;
    let closes_at: Option<i64> = row.get("closes_at")?;
    let counted_at: Option<i64> = row.get("counted_at")?;
    // What is counted later than it was asked for counts when that time comes. Else a clock stood wrong.
    let counts_until = match row.get::<_, i64>("counted")? {
        0 => i64::MIN,
        later if later < 0 => times.now.saturating_add(FARTHEST_AHEAD),
        _ => times.now,
    };
    let is_closed = closes_at.is_some_and(|last| last < times.now);
    Ok(Old {
        seq: row.get("seq")?,
        to: word(row, "to_number")?,
        is_final: state.is_over() || matches!(state, Sent | Unknown) && is_closed,
        is_old: row.get::<_, i64>("aged_at")? < times.before,
        is_counted: counted_at.is_some_and(|at| (times.counted_since..counts_until).contains(&at)),
    })
}

fn mark(work: &Work<'_>, what: &str) -> Result<i64, StoreError> {
    let mark: Option<i64> = work
        .db
        .prepare_cached("SELECT seq FROM forgotten WHERE what = :what")?
        .query_row(named_params! { ":what": what }, |row| row.get(0))
        .optional()?;
    Ok(mark.unwrap_or(0))
}

fn move_mark(work: &Work<'_>, what: &str, seq: i64) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO forgotten (what, seq)
             VALUES (:what, :seq)
             ON CONFLICT DO UPDATE SET seq = :seq",
        )?
        .execute(named_params! { ":what": what, ":seq": seq })?;
    Ok(())
}

fn bodies(work: &Work<'_>, times: Times, pepper: &Pepper) -> Result<bool, StoreError> {
    let from = mark(work, "bodies")?;
    let (front, has_more) = front(work, from, SINCE_ACCEPTED, times)?;
    let Some(last) = front.last() else {
        return Ok(false);
    };
    for one in &front {
        let Addressee::Known(to) = &one.to else {
            continue;
        };
        blank(work, one.seq, &Addressee::forgotten(to, pepper))?;
    }
    // Numbers that were no numbers are personal data too.
    work.db
        .prepare_cached(
            "UPDATE batch
                SET rejected = '[]'
              WHERE seq > :from AND seq <= :last",
        )?
        .execute(named_params! { ":from": from, ":last": last.seq })?;
    move_mark(work, "bodies", last.seq)?;
    Ok(has_more)
}

fn blank(work: &Work<'_>, seq: i64, word: &Addressee) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE message
                SET text = '', sealed = NULL, made_of = NULL, sealed_values = NULL, to_number = :word, to_raw = :word, forgotten = 1
              WHERE seq = :seq",
        )?
        .execute(named_params! { ":word": word.as_str(), ":seq": seq })?;
    work.db
        .prepare_cached("UPDATE part SET recipient_tail = NULL WHERE message = :seq")?
        .execute(named_params! { ":seq": seq })?;
    Ok(())
}

fn events(work: &Work<'_>, times: Times) -> Result<bool, StoreError> {
    let from = mark(work, "events")?;
    let (front, has_more) = front(work, from, SINCE_LAST_EVENT, times)?;
    let Some(last) = front.last() else {
        return Ok(false);
    };
    work.db
        .prepare_cached("DELETE FROM event WHERE message > :from AND message <= :last")?
        .execute(named_params! { ":from": from, ":last": last.seq })?;
    move_mark(work, "events", last.seq)?;
    Ok(has_more)
}

fn messages(work: &Work<'_>, times: Times) -> Result<bool, StoreError> {
    let (mut front, mut has_more) = front(work, 0, SINCE_ACCEPTED, times)?;
    if let Some(first_counted) = front.iter().position(|one| one.is_counted) {
        front.truncate(first_counted);
        has_more = false;
    }
    let Some(last) = front.last() else {
        return Ok(false);
    };
    let last = named_params! { ":last": last.seq };
    // Parts and events go with their message.
    work.db
        .prepare_cached("DELETE FROM message WHERE seq <= :last")?
        .execute(last)?;
    work.db
        .prepare_cached("DELETE FROM batch WHERE seq <= :last AND seq + total <= :last + 1")?
        .execute(last)?;
    work.db
        .prepare_cached(
            "DELETE FROM accepted_hour
              WHERE first_seq < (SELECT MAX(first_seq)
                                   FROM accepted_hour
                                  WHERE first_seq <= :last + 1)",
        )?
        .execute(last)?;
    Ok(has_more)
}
