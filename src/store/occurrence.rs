//! What happened that is no step of a message: an alert that was skipped, a number that was suppressed.

use rusqlite::named_params;

use super::StoreError;
use super::writer::Work;
use crate::domain::UnixMillis;

/// One of them, on its way into the store.
pub(super) struct Occurrence<'a> {
    pub(super) kind: &'static str,
    pub(super) app: Option<&'a str>,
    pub(super) number: &'a str,
    /// For a person: a reason; never a text.
    pub(super) detail: &'a str,
    pub(super) at: UnixMillis,
}

pub(super) fn note(work: &Work<'_>, occurrence: &Occurrence<'_>) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO occurrence (at, kind, app, number, detail)
             VALUES (:at, :kind, :app, :number, :detail)",
        )?
        .execute(named_params! {
            ":at": occurrence.at.0,
            ":kind": occurrence.kind,
            ":app": occurrence.app,
            ":number": occurrence.number,
            ":detail": occurrence.detail,
        })?;
    Ok(())
}

/// Deletes a step's worth of those before `before`; answers how many.
pub(super) fn forget(work: &Work<'_>, before: i64, step: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "DELETE FROM occurrence
              WHERE seq IN (SELECT seq FROM occurrence WHERE at < :before LIMIT :step)",
        )?
        .execute(named_params! { ":before": before, ":step": step })?)
}
