//! Events that limits count, beside what counts for a number ([`recent`]): an exact sliding log per key (semantics §8).
//! Checked and written in the transaction that creates the work; what is refused is not written.
//!
//! The newest events are in `limit_tail`, as they came, and sorted in a table that the writer's connection has in memory;
//! it is part of the same transactions. From there they are moved into `limit_entry` in large steps: an event by itself
//! would touch a page somewhere in it, and limits would cost more than the message.
//!
//! An event after the moment that is asked about does not count: neither one that is to be sent later, nor one that was
//! written while the clock stood wrong. So no number is locked longer than the longest window.

use std::time::Duration;

use rusqlite::{Connection, named_params};

use super::StoreError;
use super::recent::{self, OfNumber};
use super::writer::Work;
use crate::domain::{Destination, Limit, Pepper, UnixMillis};

/// Whom a limit is about, and which limit: a keyed hash, so that the log tells nobody's number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct LimitKey(pub(crate) [u8; 16]);

/// A limit and what it counts by. Those of one key stand together in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) key: LimitKey,
    pub(crate) limit: Limit,
}

/// What a send counts against, as one event.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) of_number: OfNumber,
    /// What else limits it than what is sent to its number; empty: nothing.
    pub(crate) counted: Vec<Counted>,
    /// When: now, or when it is to be sent.
    pub(crate) at: UnixMillis,
}

const DAY: i64 = 86_400_000;

impl LimitKey {
    /// `words`: what is counted, and whom it is about.
    pub(crate) fn of(pepper: &Pepper, words: &[&str]) -> Self {
        Self(pepper.limit_mac(words))
    }
}

/// How long a send would have to wait: as long as the strictest of all its limits says. `None`: it need not.
pub(super) fn wait_of_send(
    work: &Work<'_>,
    to: &Destination,
    counts: &Counts,
) -> Result<Option<Duration>, StoreError> {
    let of_number = recent::wait(work, to, &counts.of_number, counts.at)?;
    Ok(of_number.max(wait(work, &counts.counted, counts.at)?))
}

/// How long the next event of these would have to wait at `at`: as long as the strictest says. `None`: it need not.
pub(super) fn wait(
    work: &Work<'_>,
    counted: &[Counted],
    at: UnixMillis,
) -> Result<Option<Duration>, StoreError> {
    let mut longest = None;
    for of_key in of_each_key(counted) {
        longest = longest.max(wait_of_key(work, of_key, at)?);
    }
    Ok(longest)
}

/// Writes the event, once for each key among them.
pub(super) fn count(
    work: &Work<'_>,
    counted: &[Counted],
    at: UnixMillis,
) -> Result<(), StoreError> {
    for of_key in of_each_key(counted) {
        let key = of_key[0].key;
        work.db
            .prepare_cached(APPEND)?
            .execute(named_params! { ":key": key.0, ":at": at.0 })?;
        let number = work.db.last_insert_rowid();
        work.db
            .prepare_cached(SORT_IN)?
            .execute(named_params! { ":key": key.0, ":at": at.0, ":number": number })?;
        if number % STEP == 0 {
            move_tail(work)?;
        }
    }
    Ok(())
}

/// Moves the tail, but for its newest event, from which the next takes its number.
fn move_tail(work: &Work<'_>) -> Result<(), StoreError> {
    for sql in MOVE {
        work.db.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// Sorts the tail in the memory of the writer's connection; to be done when that is opened.
pub(super) fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute_batch(SORTED)
}

/// Deletes what no limit reaches any more, of what was moved at most `step`; answers how many of that. `before`: in
/// milliseconds.
pub(super) fn forget(work: &Work<'_>, before: i64, step: i64) -> Result<usize, StoreError> {
    recent::forget(work, before)?;
    for sql in FORGET_TAIL {
        work.db
            .prepare_cached(sql)?
            .execute(named_params! { ":day": before.div_euclid(DAY) })?;
    }
    Ok(work
        .db
        .prepare_cached(FORGET)?
        .execute(named_params! { ":day": before.div_euclid(DAY), ":step": step })?)
}

fn of_each_key(counted: &[Counted]) -> impl Iterator<Item = &[Counted]> {
    counted.chunk_by(|one, other| one.key == other.key)
}

/// Events that are moved at once (tests move all the time): enough that several go into each page of a day that is not very large, and few enough
/// that they are a matter of milliseconds.
const STEP: i64 = if cfg!(test) { 3 } else { 2_048 };

const SORTED: &str = "CREATE TEMP TABLE limit_sorted (
  key    BLOB    NOT NULL,
  at     INTEGER NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (key, at, number)
) STRICT, WITHOUT ROWID;
INSERT INTO temp.limit_sorted (key, at, number)
SELECT key, at, number FROM limit_tail;";

const APPEND: &str = "INSERT INTO limit_tail (key, at) VALUES (:key, :at)";

const SORT_IN: &str = "INSERT INTO temp.limit_sorted (key, at, number) VALUES (:key, :at, :number)";

/// Days are cut as `div_euclid` cuts them. That an event is there already cannot be, short of a clock that is set back to
/// the same millisecond.
const MOVE: [&str; 3] = [
    "INSERT INTO limit_entry (day, key, at, number)
     SELECT (at - ((at % 86400000) + 86400000) % 86400000) / 86400000, key, at, number
       FROM temp.limit_sorted
      WHERE number < (SELECT MAX(number) FROM limit_tail)
      ORDER BY 1, key, at, number
         ON CONFLICT DO NOTHING",
    "DELETE FROM temp.limit_sorted WHERE number < (SELECT MAX(number) FROM limit_tail)",
    "DELETE FROM limit_tail WHERE number < (SELECT MAX(number) FROM limit_tail)",
];

/// One day's part of a log.
const NEWEST_FIRST: &str = "SELECT at
  FROM temp.limit_sorted
 WHERE key = :key AND at > MAX(:opens_after, :day * 86400000 - 1) AND at <= MIN(:at, :day * 86400000 + 86399999)
 UNION ALL
SELECT at
  FROM limit_entry
 WHERE day = :day AND key = :key AND at > :opens_after AND at <= :at
 ORDER BY at DESC";

const FORGET: &str = "DELETE FROM limit_entry
 WHERE (day, key, at, number) IN (SELECT day, key, at, number
                                    FROM limit_entry
                                   WHERE day < :day
                                   ORDER BY day
                                   LIMIT :step)";

/// No more than a tail.
const FORGET_TAIL: [&str; 2] = [
    "DELETE FROM temp.limit_sorted WHERE at < :day * 86400000",
    "DELETE FROM limit_tail WHERE at < :day * 86400000",
];

/// Every statement of this file but those that read the whole tail.
#[cfg(test)]
pub(super) const ALL_SQL: [&str; 4] = [APPEND, SORT_IN, NEWEST_FIRST, FORGET];

/// Walks the log of one key from the newest event backwards, no farther than a limit reaches that is not decided yet: of a
/// number that is seldom written to, that is one look into each day of the longest window.
fn wait_of_key(
    work: &Work<'_>,
    counted: &[Counted],
    at: UnixMillis,
) -> Result<Option<Duration>, StoreError> {
    let mut undecided: Vec<Limit> = counted.iter().map(|one| one.limit).collect();
    let mut longest = None;
    let mut place = 0;
    let mut day = at.0.div_euclid(DAY);
    let mut of_day = work.db.prepare_cached(NEWEST_FIRST)?;
    while let Some(opens_after) = undecided.iter().map(|one| one.opens_after(at)).min() {
        if day < (opens_after.0 + 1).div_euclid(DAY) {
            break;
        }
        let mut rows = of_day.query(named_params! {
            ":day": day,
            ":key": counted[0].key.0,
            ":opens_after": opens_after.0,
            ":at": at.0,
        })?;
        while let Some(row) = rows.next()? {
            let event = UnixMillis(row.get(0)?);
            place += 1;
            // The place-th newest lies in no window that it fell out of, and what is older lies in none either.
            undecided.retain(|limit| {
                if limit.count() == place {
                    longest = longest.max(limit.wait(Some(event), at));
                }
                limit.count() > place && event > limit.opens_after(at)
            });
            if undecided.is_empty() {
                break;
            }
        }
        day -= 1;
    }
    Ok(longest)
}
