//! Suppressions: kept by number, checked where a message is accepted and where it is handed over.

use rusqlite::{Connection, named_params};

use super::audit::{self, AuditEntry};
use super::message::{Head, append, end, error, step};
use super::occurrence::{Occurrence, note};
use super::row::word;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::message::Change;
use crate::domain::suppression::Wish;
use crate::domain::{
    Addressee, Category, Destination, Event, EventKind, Reason, Sender, StopRules, UnixMillis,
};

/// A suppression as callers see it.
#[derive(Clone, Debug)]
pub(crate) struct SuppressionView {
    pub(crate) seq: i64,
    pub(crate) number: Destination,
    pub(crate) reason: Reason,
    pub(crate) created_at: UnixMillis,
}

impl Store {
    /// Suppresses the number for this reason, whatever the reason was before.
    pub(crate) async fn suppress(
        &self,
        number: Destination,
        reason: Reason,
        by: AuditEntry,
    ) -> Result<SuppressionView, StoreError> {
        let (job, receipt) = job(move |work| {
            if of_number(work.db, number.as_str())?.is_none_or(|known| known.reason != reason) {
                put(work, number.as_str(), &reason, by.at)?;
                audit::note(work, &by)?;
            }
            of_number(work.db, number.as_str())?
                .ok_or_else(|| StoreError::Corrupt("a suppression is gone at once".to_owned()))
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// `false`: it was not suppressed.
    pub(crate) async fn lift_suppression(
        &self,
        number: Destination,
        by: AuditEntry,
    ) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| match of_number(work.db, number.as_str())? {
            Some(known) => {
                remove(work, &known, by.at)?;
                audit::note(work, &by)?;
                Ok(true)
            }
            None => Ok(false),
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// At most `limit` of those made before the one with this `seq`, newest first.
    pub(crate) async fn suppressions(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<SuppressionView>, StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT seq, number, reason, created_at
                       FROM suppression
                      WHERE seq < :before
                      ORDER BY seq DESC
                      LIMIT :limit",
                )?;
                let mut rows = statement.query(named_params! {
                    ":before": before.unwrap_or(i64::MAX),
                    ":limit": limit,
                })?;
                let mut suppressions = Vec::new();
                while let Some(row) = rows.next()? {
                    suppressions.push(view(row)?);
                }
                Ok(suppressions)
            })
            .await
    }
}

fn view(row: &rusqlite::Row<'_>) -> Result<SuppressionView, StoreError> {
    Ok(SuppressionView {
        seq: row.get("seq")?,
        number: word(row, "number")?,
        reason: word(row, "reason")?,
        created_at: UnixMillis(row.get("created_at")?),
    })
}

fn of_number(db: &Connection, number: &str) -> Result<Option<SuppressionView>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT seq, number, reason, created_at FROM suppression WHERE number = :number",
    )?;
    let mut rows = statement.query(named_params! { ":number": number })?;
    rows.next()?.map(view).transpose()
}

/// Why a message of this category may not go to this number.
pub(super) fn held_back(
    db: &Connection,
    rules: &StopRules,
    number: &Destination,
    category: Category,
) -> Result<Option<Reason>, StoreError> {
    let known = of_number(db, number.as_str())?;
    let reason = known.map(|known| known.reason);
    Ok(reason.filter(|reason| rules.holds_back(reason, category)))
}

/// Fails a message that stands in line to a number that was suppressed since. `true`: it was.
pub(super) fn fail_if_suppressed(
    work: &mut Work<'_>,
    rules: &StopRules,
    head: &mut Head,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    let Addressee::Known(to) = &head.to else {
        // What waits is not forgotten.
        return Ok(false);
    };
    let Some(reason) = held_back(work.db, rules, to, head.category)? else {
        return Ok(false);
    };
    if step(work, head, Change::GivenUp)? {
        let why = format!("its number was suppressed (reason {})", reason.as_str());
        end(work, head.seq)?;
        error(work, head.seq, "suppressed", &why)?;
        append(
            work,
            head,
            Event::new(at, EventKind::Failed).detail("suppressed"),
        )?;
    }
    Ok(true)
}

/// A provider was told to text this number no more: as if it had said so to us. What is suppressed already stays as it is.
pub(super) fn opted_out(
    work: &Work<'_>,
    to: &Destination,
    at: UnixMillis,
) -> Result<(), StoreError> {
    match of_number(work.db, to.as_str())? {
        Some(_) => Ok(()),
        None => put(work, to.as_str(), &Reason::stop(), at),
    }
}

/// Does what a whole text that came in asks for: a stop word suppresses its sender, a start word lifts that. What
/// somebody else suppressed is not theirs to lift, and is no weaker for a stop word.
pub(super) fn obey(
    work: &Work<'_>,
    rules: &StopRules,
    from: Option<&Sender>,
    text: &str,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let Some(wish) = rules.wish(text) else {
        return Ok(());
    };
    // A sender that is a name cannot be written to anyway.
    let Some(number) = from.and_then(|from| rules.numbers.parse(from.expose()).ok()) else {
        return Ok(());
    };
    match (wish, of_number(work.db, number.as_str())?) {
        (Wish::Stop, None) => put(work, number.as_str(), &Reason::stop(), at),
        (Wish::Start, Some(known)) if known.reason == Reason::stop() => remove(work, &known, at),
        _ => Ok(()),
    }
}

fn put(work: &Work<'_>, number: &str, reason: &Reason, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO suppression (number, reason, created_at)
             VALUES (:number, :reason, :at)
                 ON CONFLICT (number) DO UPDATE SET reason = :reason, created_at = :at",
        )?
        .execute(named_params! { ":number": number, ":reason": reason.as_str(), ":at": at.0 })?;
    note(
        work,
        &Occurrence {
            kind: "suppression.added",
            app: None,
            number,
            detail: reason.as_str(),
            at,
        },
    )
}

fn remove(work: &Work<'_>, known: &SuppressionView, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached("DELETE FROM suppression WHERE seq = :seq")?
        .execute(named_params! { ":seq": known.seq })?;
    note(
        work,
        &Occurrence {
            kind: "suppression.removed",
            app: None,
            number: known.number.as_str(),
            detail: known.reason.as_str(),
            at,
        },
    )
}
