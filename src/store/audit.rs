//! The record of who did what (http-api.md G8): kept for `retention.log_days`, never a code, a password or a key.

use rusqlite::named_params;

use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::UnixMillis;

/// What is put on record beside a change.
#[derive(Clone, Debug)]
pub(crate) struct AuditEntry {
    pub(crate) at: UnixMillis,
    /// The id of the caller's key, or `admin`.
    pub(crate) key: String,
    /// What was done, such as `key.create`.
    pub(crate) action: &'static str,
    /// What it was done to: an id, a name or a number.
    pub(crate) object: String,
    /// Where the caller was.
    pub(crate) address: Option<String>,
}

/// An entry in its place of the record.
#[derive(Clone, Debug)]
pub(crate) struct Audited {
    pub(crate) seq: i64,
    pub(crate) at: UnixMillis,
    pub(crate) key: String,
    pub(crate) action: String,
    pub(crate) object: Option<String>,
    pub(crate) address: Option<String>,
}

impl Store {
    /// Puts on record what changed no row: a modem was paused, a route switched off.
    pub(crate) async fn audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| note(work, &entry));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// At most `limit` entries made before the one with this `seq`, newest first.
    pub(crate) async fn audited(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Audited>, StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT seq, at, key, action, object, address
                       FROM audit
                      WHERE seq < :before
                      ORDER BY seq DESC
                      LIMIT :limit",
                )?;
                let values = named_params! {
                    ":before": before.unwrap_or(i64::MAX),
                    ":limit": limit,
                };
                let rows = statement.query_map(values, |row| {
                    Ok(Audited {
                        seq: row.get(0)?,
                        at: UnixMillis(row.get(1)?),
                        key: row.get(2)?,
                        action: row.get(3)?,
                        object: row.get(4)?,
                        address: row.get(5)?,
                    })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// Puts a change on record, in its own transaction.
pub(super) fn note(work: &Work<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO audit (at, key, action, object, address)
             VALUES (:at, :key, :action, :object, :address)",
        )?
        .execute(named_params! {
            ":at": entry.at.0,
            ":key": entry.key,
            ":action": entry.action,
            ":object": entry.object,
            ":address": entry.address,
        })?;
    Ok(())
}

/// Deletes at most `rows` entries from before `before`; answers how many.
pub(super) fn forget(work: &Work<'_>, before: i64, rows: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "DELETE FROM audit
              WHERE seq IN (SELECT seq
                              FROM audit INDEXED BY audit_age
                             WHERE at < :before
                             LIMIT :rows)",
        )?
        .execute(named_params! { ":before": before, ":rows": rows })?)
}
