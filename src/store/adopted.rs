//! Modems that were taken on without a section: by which names, until they are forgotten or a section takes their place.
//!
//! Never: decides which modem is adopted or which section takes its place.

use rusqlite::named_params;

use super::message::{AT_ONCE, head, rename_via};
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::{MessageSeq, ModemName, RouteName, UnixMillis, Via};

/// A modem that was taken on without a section.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Adopted {
    pub(crate) modem: ModemName,
    pub(crate) imei: String,
}

impl Store {
    /// Gives a modem that no section names its name, for good.
    pub(crate) async fn adopt(&self, adopted: Adopted, at: UnixMillis) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| {
            work.db
                .prepare_cached(
                    "INSERT INTO adopted (modem, imei, at) VALUES (:modem, :imei, :at)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(named_params! {
                    ":modem": adopted.modem.as_str(),
                    ":imei": adopted.imei,
                    ":at": at.0,
                })?;
            Ok(())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// All that were adopted and not forgotten, the oldest first.
    pub(crate) async fn adopted(&self) -> Result<Vec<Adopted>, StoreError> {
        self.readers
            .ask(|db| {
                let mut statement =
                    db.prepare_cached("SELECT modem, imei FROM adopted ORDER BY at, modem")?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?;
                let mut all = Vec::new();
                for row in rows {
                    let (modem, imei) = row?;
                    let modem = ModemName::parse(&modem)
                        .ok_or_else(|| StoreError::Corrupt("the name of a modem".into()))?;
                    all.push(Adopted { modem, imei });
                }
                Ok(all)
            })
            .await
    }

    /// A section is the adopted modem from now on: what only the one might send only the other may send, its SIMs were
    /// last in the other, and it is adopted no more. Answers how many messages wait under another name now; the steps are
    /// transactions of their own, and the last of them ends the adoption.
    pub(crate) async fn bequeath(
        &self,
        adopted: ModemName,
        section: ModemName,
    ) -> Result<usize, StoreError> {
        let mut renamed = 0;
        loop {
            let (from, to) = (adopted.clone(), section.clone());
            let (job, receipt) = job(move |work| bequeath(work, &from, &to));
            self.door.submit(vec![job]).await;
            let step = receipt.committed().await?;
            renamed += step;
            if step < AT_ONCE {
                return Ok(renamed);
            }
        }
    }
}

fn bequeath(work: &mut Work<'_>, from: &ModemName, to: &ModemName) -> Result<usize, StoreError> {
    let waiting = match from == to {
        true => Vec::new(),
        false => bound_to(work, from)?,
    };
    let via = Via::Route(RouteName::of_modem(to));
    for seq in &waiting {
        let head = head(work, *seq)?;
        rename_via(work, head, &via)?;
    }
    if waiting.len() < AT_ONCE {
        let (from, to) = (from.as_str(), to.as_str());
        work.db
            .prepare_cached("UPDATE sim SET modem = :to WHERE modem = :from")?
            .execute(named_params! { ":from": from, ":to": to })?;
        work.db
            .prepare_cached("DELETE FROM adopted WHERE modem = :from")?
            .execute(named_params! { ":from": from })?;
    }
    Ok(waiting.len())
}

/// What is not sent and may leave by this modem only. Walks what is not sent, which is bounded.
fn bound_to(work: &Work<'_>, modem: &ModemName) -> Result<Vec<MessageSeq>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT seq
           FROM message
          WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending')
            AND from_modem = :modem
          LIMIT :limit",
    )?;
    let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
    let rows = statement.query_map(
        named_params! { ":modem": modem.as_str(), ":limit": limit },
        |row| row.get(0).map(MessageSeq),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
