//! Events that limits count: an exact sliding log per key (semantics §8). Checked and written in the transaction that
//! creates the work; what is refused is not written.

use std::time::Duration;

use rusqlite::{OptionalExtension, named_params};

use super::StoreError;
use super::writer::Work;
use crate::domain::{Limit, UnixMillis};

/// Whom a limit is about, and which limit: a keyed hash, so that the log tells nobody's number.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct LimitKey(pub(crate) [u8; 16]);

/// A limit and what it counts by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) key: LimitKey,
    pub(crate) limit: Limit,
}

const DAY: i64 = 86_400_000;

/// How long the next event of these would have to wait at `at`: as long as the strictest says. `None`: it need not.
pub(super) fn wait(
    work: &Work<'_>,
    counted: &[Counted],
    at: UnixMillis,
) -> Result<Option<Duration>, StoreError> {
    let mut longest = None;
    for one in counted {
        let oldest = oldest_counted(work, one, at)?;
        longest = longest.max(one.limit.wait(oldest, at));
    }
    Ok(longest)
}

/// Writes the event, once for each key among them.
pub(super) fn count(
    work: &Work<'_>,
    counted: &[Counted],
    at: UnixMillis,
) -> Result<(), StoreError> {
    for (place, one) in counted.iter().enumerate() {
        let is_written = counted[..place].iter().any(|before| before.key == one.key);
        if is_written {
            continue;
        }
        work.db
            .prepare_cached(
                "INSERT INTO limit_entry (day, key, at, number)
                 VALUES (:day, :key, :at,
                         (SELECT COALESCE(MAX(number), 0) + 1
                            FROM limit_entry
                           WHERE day = :day AND key = :key AND at = :at))",
            )?
            .execute(named_params! {
                ":day": at.0.div_euclid(DAY),
                ":key": one.key.0,
                ":at": at.0,
            })?;
    }
    Ok(())
}

/// Takes back one event that was counted at `at`.
pub(super) fn uncount(work: &Work<'_>, key: LimitKey, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "DELETE FROM limit_entry
              WHERE day = :day AND key = :key AND at = :at
                AND number = (SELECT MAX(number)
                                FROM limit_entry
                               WHERE day = :day AND key = :key AND at = :at)",
        )?
        .execute(named_params! {
            ":day": at.0.div_euclid(DAY),
            ":key": key.0,
            ":at": at.0,
        })?;
    Ok(())
}

#[expect(dead_code, reason = "its caller comes with the limits of the API")]
/// Deletes what no limit reaches any more, at most `step`; answers how many. `longest`: the longest window.
pub(super) fn forget(
    work: &Work<'_>,
    longest: Duration,
    now: UnixMillis,
    step: i64,
) -> Result<usize, StoreError> {
    let reach = now.0 - i64::try_from(longest.as_millis()).unwrap_or(i64::MAX);
    Ok(work
        .db
        .prepare_cached(
            "DELETE FROM limit_entry
              WHERE (day, key, at, number) IN (SELECT day, key, at, number
                                                 FROM limit_entry
                                                WHERE day < :day
                                                ORDER BY day
                                                LIMIT :step)",
        )?
        .execute(named_params! { ":day": reach.div_euclid(DAY), ":step": step })?)
}

/// The count-th newest event of the window, when there are so many. However long the log is, no more rows are read than
/// the limit counts.
fn oldest_counted(
    work: &Work<'_>,
    counted: &Counted,
    at: UnixMillis,
) -> Result<Option<UnixMillis>, StoreError> {
    let opens_after = counted.limit.opens_after(at);
    let mut others = i64::from(counted.limit.count()) - 1;
    let mut newest_first = work.db.prepare_cached(
        "SELECT at
           FROM limit_entry
          WHERE day = :day AND key = :key AND at > :opens_after AND at <= :at
          ORDER BY at DESC, number DESC
          LIMIT 1 OFFSET :others",
    )?;
    let mut counted_in = work.db.prepare_cached(
        "SELECT COUNT(*)
           FROM (SELECT 1
                   FROM limit_entry
                  WHERE day = :day AND key = :key AND at > :opens_after AND at <= :at
                  LIMIT :most)",
    )?;
    let first = opens_after.0.div_euclid(DAY);
    let mut day = at.0.div_euclid(DAY);
    loop {
        let found: Option<i64> = newest_first
            .query_row(
                named_params! {
                    ":day": day,
                    ":key": counted.key.0,
                    ":opens_after": opens_after.0,
                    ":at": at.0,
                    ":others": others,
                },
                |row| row.get(0),
            )
            .optional()?;
        if let Some(found) = found {
            return Ok(Some(UnixMillis(found)));
        }
        if day == first {
            return Ok(None);
        }
        let here: i64 = counted_in.query_row(
            named_params! {
                ":day": day,
                ":key": counted.key.0,
                ":opens_after": opens_after.0,
                ":at": at.0,
                ":most": others + 1,
            },
            |row| row.get(0),
        )?;
        others -= here;
        day -= 1;
    }
}
