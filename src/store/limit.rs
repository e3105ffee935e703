//! Events that limits count: an exact sliding log per key (semantics §8). Checked and written in the transaction that
//! creates the work; what is refused is not written.
//!
//! An event after the moment that is asked about does not count: neither one that is to be sent later, nor one that was
//! written while the clock stood wrong. So no number is locked longer than the longest window.

use std::time::Duration;

use rusqlite::named_params;

use super::StoreError;
use super::writer::Work;
use crate::domain::{Limit, Pepper, UnixMillis};

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
    /// Empty: nothing limits it.
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
        if !write(work, INSERT_FIRST, key, at)? {
            write(work, INSERT_ANOTHER, key, at)?;
        }
    }
    Ok(())
}

/// Takes back one event that was counted at `at`.
pub(super) fn uncount(work: &Work<'_>, key: LimitKey, at: UnixMillis) -> Result<(), StoreError> {
    write(work, DELETE_LAST, key, at)?;
    Ok(())
}

/// Deletes what no limit reaches any more, at most `step`; answers how many. `before`: in milliseconds.
pub(super) fn forget(work: &Work<'_>, before: i64, step: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(FORGET)?
        .execute(named_params! { ":day": before.div_euclid(DAY), ":step": step })?)
}

fn of_each_key(counted: &[Counted]) -> impl Iterator<Item = &[Counted]> {
    counted.chunk_by(|one, other| one.key == other.key)
}

/// Nearly always the only event of its key in that millisecond.
const INSERT_FIRST: &str = "INSERT INTO limit_entry (day, key, at, number)
VALUES (:day, :key, :at, 1)
ON CONFLICT DO NOTHING";

const INSERT_ANOTHER: &str = "INSERT INTO limit_entry (day, key, at, number)
SELECT :day, :key, :at, MAX(number) + 1
  FROM limit_entry
 WHERE day = :day AND key = :key AND at = :at";

const DELETE_LAST: &str = "DELETE FROM limit_entry
 WHERE day = :day AND key = :key AND at = :at
   AND number = (SELECT MAX(number)
                   FROM limit_entry
                  WHERE day = :day AND key = :key AND at = :at)";

/// One day's part of a log.
const NEWEST_FIRST: &str = "SELECT at
  FROM limit_entry
 WHERE day = :day AND key = :key AND at > :opens_after AND at <= :at
 ORDER BY at DESC, number DESC";

const FORGET: &str = "DELETE FROM limit_entry
 WHERE (day, key, at, number) IN (SELECT day, key, at, number
                                    FROM limit_entry
                                   WHERE day < :day
                                   ORDER BY day
                                   LIMIT :step)";

/// Every statement of this file.
#[cfg(test)]
pub(super) const ALL_SQL: [&str; 5] = [
    INSERT_FIRST,
    INSERT_ANOTHER,
    DELETE_LAST,
    NEWEST_FIRST,
    FORGET,
];

/// `false`: no row was touched.
fn write(work: &Work<'_>, sql: &str, key: LimitKey, at: UnixMillis) -> Result<bool, StoreError> {
    let touched = work.db.prepare_cached(sql)?.execute(named_params! {
        ":day": at.0.div_euclid(DAY),
        ":key": key.0,
        ":at": at.0,
    })?;
    Ok(touched > 0)
}

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
