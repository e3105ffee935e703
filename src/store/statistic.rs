//! What became of messages, by day: read from a table that the database keeps as they take their steps (schema/0005).

use rusqlite::{Connection, named_params};

use super::row::word;
use super::{Store, StoreError};
use crate::domain::{MessageState, UnixMillis, VerificationState};

/// In milliseconds. Days are those of UTC.
pub(crate) const DAY: i64 = 86_400_000;

impl Store {
    /// Messages of the day of `at` that are out of the queue, by status. No empty status.
    pub(crate) async fn statistic_of_day(
        &self,
        at: UnixMillis,
    ) -> Result<Vec<(MessageState, i64)>, StoreError> {
        self.readers
            .ask(move |db| of_day(db, at.0.div_euclid(DAY)))
            .await
    }

    /// Verifications that were begun on the day of `at`, by how they stand. No empty state.
    pub(crate) async fn verifications_of_day(
        &self,
        at: UnixMillis,
    ) -> Result<Vec<(VerificationState, i64)>, StoreError> {
        self.readers
            .ask(move |db| codes_of_day(db, at.0.div_euclid(DAY)))
            .await
    }
}

fn of_day(db: &Connection, day: i64) -> Result<Vec<(MessageState, i64)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT status, SUM(messages) AS counted
           FROM statistic
          WHERE day = :day
          GROUP BY status
         HAVING SUM(messages) > 0",
    )?;
    let mut rows = statement.query(named_params! { ":day": day })?;
    let mut statuses = Vec::new();
    while let Some(row) = rows.next()? {
        statuses.push((word(row, "status")?, row.get("counted")?));
    }
    Ok(statuses)
}

fn codes_of_day(db: &Connection, day: i64) -> Result<Vec<(VerificationState, i64)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT status, verifications
           FROM verification_statistic
          WHERE day = :day AND verifications > 0",
    )?;
    let mut rows = statement.query(named_params! { ":day": day })?;
    let mut states = Vec::new();
    while let Some(row) = rows.next()? {
        states.push((word(row, "status")?, row.get("verifications")?));
    }
    Ok(states)
}
