//! Preferences of numbers; the usual ones hold for every number that has none.

use std::sync::Arc;

use jiff::tz::TimeZone;
use rusqlite::{Connection, Row, named_params};

use super::audit::{self, AuditEntry};
use super::row::word;
use super::writer::job;
use super::{Store, StoreError};
use crate::domain::{Destination, Preferences, QuietHours, TimeOfDay};

impl Store {
    /// The preferences that hold for this number.
    pub(crate) async fn preferences(&self, number: Destination) -> Result<Preferences, StoreError> {
        let manners = Arc::clone(&self.manners);
        self.readers
            .ask(move |db| of_number(db, &number, &manners.usual))
            .await
    }

    pub(crate) async fn prefer(
        &self,
        number: Destination,
        preferences: Preferences,
        by: AuditEntry,
    ) -> Result<(), StoreError> {
        let server_zone = self.manners.usual.quiet.zone.clone();
        let (job, receipt) = job(move |work| {
            let quiet = &preferences.quiet;
            // The server's own zone is not written down: it may be another one tomorrow.
            let zone = quiet.zone.iana_name();
            let own_zone = zone.filter(|_| quiet.zone != server_zone);
            work.db
                .prepare_cached(
                    "INSERT INTO preference (number, sms_enabled, email_enabled, min_severity, quiet_start, quiet_end,
                                             timezone)
                     VALUES (:number, :sms_enabled, :email_enabled, :min_severity, :quiet_start, :quiet_end, :timezone)
                         ON CONFLICT (number) DO UPDATE
                        SET sms_enabled = :sms_enabled, email_enabled = :email_enabled,
                            min_severity = :min_severity, quiet_start = :quiet_start, quiet_end = :quiet_end,
                            timezone = :timezone",
                )?
                .execute(named_params! {
                    ":number": number.as_str(),
                    ":sms_enabled": preferences.sms_enabled,
                    ":email_enabled": preferences.email_enabled,
                    ":min_severity": preferences.min_severity.as_str(),
                    ":quiet_start": quiet.start.minutes(),
                    ":quiet_end": quiet.end.minutes(),
                    ":timezone": own_zone,
                })?;
            audit::note(work, &by)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// From now on the usual ones hold.
    pub(crate) async fn forget_preferences(
        &self,
        number: Destination,
        by: AuditEntry,
    ) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| {
            let had_some = work
                .db
                .prepare_cached("DELETE FROM preference WHERE number = :number")?
                .execute(named_params! { ":number": number.as_str() })?;
            match had_some {
                0 => Ok(()),
                _ => audit::note(work, &by),
            }
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

pub(super) fn of_number(
    db: &Connection,
    number: &Destination,
    usual: &Preferences,
) -> Result<Preferences, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT sms_enabled, email_enabled, min_severity, quiet_start, quiet_end, timezone
           FROM preference
          WHERE number = :number",
    )?;
    let mut rows = statement.query(named_params! { ":number": number.as_str() })?;
    match rows.next()? {
        Some(row) => read(row, usual),
        None => Ok(usual.clone()),
    }
}

fn read(row: &Row<'_>, usual: &Preferences) -> Result<Preferences, StoreError> {
    let time = |column: &str| -> Result<TimeOfDay, StoreError> {
        TimeOfDay::of_minutes(row.get(column)?)
            .ok_or_else(|| StoreError::Corrupt(format!("column {column} is no time of day")))
    };
    let zone: Option<String> = row.get("timezone")?;
    // A zone that this version's tables do not have any more: the server's is nearer than none.
    let zone = zone.and_then(|name| TimeZone::get(&name).ok());
    Ok(Preferences {
        sms_enabled: row.get("sms_enabled")?,
        email_enabled: row.get("email_enabled")?,
        min_severity: word(row, "min_severity")?,
        quiet: QuietHours {
            start: time("quiet_start")?,
            end: time("quiet_end")?,
            zone: zone.unwrap_or_else(|| usual.quiet.zone.clone()),
        },
    })
}
