//! What is remembered of the care for SIMs over restarts: what they have left, and when something was last done for them.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::named_params;

use super::message::{Accepted, Submission, accept};
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::{ModemName, Money, SimId, UnixMillis};

/// What is known of one SIM.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SimCare {
    pub(crate) first_seen_at: UnixMillis,
    /// When the network took a part of it last.
    pub(crate) sent_at: Option<UnixMillis>,
    pub(crate) kept_alive_at: Option<UnixMillis>,
    pub(crate) balance_asked_at: Option<UnixMillis>,
    /// What the network said last, and when.
    pub(crate) balance: Option<(Money, UnixMillis)>,
    pub(crate) balance_is_low: bool,
}

/// What the network said of a SIM.
#[derive(Clone, Debug)]
pub(crate) struct BalanceEntry {
    pub(crate) modem: ModemName,
    pub(crate) sim: SimId,
    pub(crate) balance: Money,
    pub(crate) is_low: bool,
    /// For a person, when it is low.
    pub(crate) detail: String,
    pub(crate) at: UnixMillis,
}

/// Events kept of all modems together: the oldest give way.
const MOST_EVENTS: i64 = 10_000;
const LOW_BALANCE: &str = "modem.low_balance";

impl Store {
    /// What is known of this SIM; seen for the first time now, unless it was before.
    pub(crate) async fn sim_care(&self, sim: SimId, at: UnixMillis) -> Result<SimCare, StoreError> {
        let (job, receipt) = job(move |work| {
            see(work, &sim, at)?;
            known(work, &sim)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The network is about to be asked what this SIM has left. `false`: it was within `every`.
    pub(crate) async fn begin_balance(
        &self,
        sim: SimId,
        every: Duration,
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| {
            see(work, &sim, at)?;
            let before = UnixMillis(at.0 - i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
            // One from the future was written by a clock that was wrong.
            let changed = work
                .db
                .prepare_cached(
                    "UPDATE sim_care
                        SET balance_asked_at = :at
                      WHERE sim = :sim
                        AND (balance_asked_at IS NULL OR balance_asked_at <= :before OR balance_asked_at > :at)",
                )?
                .execute(
                    named_params! { ":sim": sim.as_str(), ":at": at.0, ":before": before.0 },
                )?;
            Ok(changed == 1)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The question of [`Store::begin_balance`] did not go out: it counts no more than if it had not been begun.
    pub(crate) async fn balance_was_not_asked(&self, sim: SimId) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| {
            work.db
                .prepare_cached(
                    "UPDATE sim_care SET balance_asked_at = balance_at WHERE sim = :sim",
                )?
                .execute(named_params! { ":sim": sim.as_str() })?;
            Ok(())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// What the network said. When it is low and was not, that is an event.
    pub(crate) async fn note_balance(&self, entry: BalanceEntry) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| note_balance(work, &entry));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Accepts a text that keeps a SIM alive, and that it was, in one transaction.
    pub(crate) async fn keep_alive(
        &self,
        sim: SimId,
        submission: Submission,
    ) -> Result<Accepted, StoreError> {
        let pepper = self.pepper.clone();
        let manners = Arc::clone(&self.manners);
        let (job, receipt) = job(move |work| {
            let accepted = accept(work, &submission, None, &pepper, &manners)?;
            work.db
                .prepare_cached("UPDATE sim_care SET kept_alive_at = :at WHERE sim = :sim")?
                .execute(named_params! { ":sim": sim.as_str(), ":at": submission.at.0 })?;
            Ok(accepted)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

fn see(work: &Work<'_>, sim: &SimId, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO sim_care (sim, first_seen_at)
             VALUES (:sim, :at)
             ON CONFLICT (sim) DO NOTHING",
        )?
        .execute(named_params! { ":sim": sim.as_str(), ":at": at.0 })?;
    Ok(())
}

fn known(work: &Work<'_>, sim: &SimId) -> Result<SimCare, StoreError> {
    let moment = |at: Option<i64>| at.map(UnixMillis);
    Ok(work
        .db
        .prepare_cached(
            "SELECT first_seen_at, seen_at, kept_alive_at, balance_asked_at, balance, balance_at, balance_is_low
               FROM sim_care LEFT JOIN sim ON sim.id = sim_care.sim
              WHERE sim_care.sim = :sim",
        )?
        .query_row(named_params! { ":sim": sim.as_str() }, |row| {
            let balance: Option<i64> = row.get(4)?;
            Ok(SimCare {
                first_seen_at: UnixMillis(row.get(0)?),
                sent_at: moment(row.get(1)?),
                kept_alive_at: moment(row.get(2)?),
                balance_asked_at: moment(row.get(3)?),
                balance: balance.map(Money).zip(moment(row.get(5)?)),
                balance_is_low: row.get(6)?,
            })
        })?)
}

fn note_balance(work: &mut Work<'_>, entry: &BalanceEntry) -> Result<(), StoreError> {
    see(work, &entry.sim, entry.at)?;
    let was_low = known(work, &entry.sim)?.balance_is_low;
    work.db
        .prepare_cached(
            "UPDATE sim_care
                SET balance = :balance, balance_at = :at, balance_is_low = :is_low
              WHERE sim = :sim",
        )?
        .execute(named_params! {
            ":sim": entry.sim.as_str(),
            ":balance": entry.balance.0,
            ":at": entry.at.0,
            ":is_low": entry.is_low,
        })?;
    if entry.is_low && !was_low {
        note_event(work, entry)?;
    }
    Ok(())
}

fn note_event(work: &Work<'_>, entry: &BalanceEntry) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO modem_event (modem, at, type, detail)
             VALUES (:modem, :at, :type, :detail)",
        )?
        .execute(named_params! {
            ":modem": entry.modem.as_str(),
            ":at": entry.at.0,
            ":type": LOW_BALANCE,
            ":detail": entry.detail,
        })?;
    let newest = work.db.last_insert_rowid();
    work.db
        .prepare_cached("DELETE FROM modem_event WHERE number <= :newest - :most")?
        .execute(named_params! { ":newest": newest, ":most": MOST_EVENTS })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Pepper;

    const DAY: Duration = Duration::from_secs(86_400);

    fn open(folder: &tempfile::TempDir) -> Store {
        let path = folder.path().join("cellpost.db");
        Store::open(&path, Pepper::new(&[7; 32])).unwrap().0
    }

    fn sim() -> SimId {
        SimId::parse("89860000000000000001").unwrap()
    }

    #[tokio::test]
    async fn the_network_is_asked_once_within_the_time_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let at = UnixMillis(1_700_000_000_000);
        assert!(store.begin_balance(sim(), DAY, at).await.unwrap());
        let soon = at.plus(Duration::from_secs(86_399));
        assert!(!store.begin_balance(sim(), DAY, soon).await.unwrap());
        drop(store);
        let store = open(&folder);
        assert!(!store.begin_balance(sim(), DAY, soon).await.unwrap());
        let next = at.plus(DAY);
        assert!(store.begin_balance(sim(), DAY, next).await.unwrap());
        store.balance_was_not_asked(sim()).await.unwrap();
        assert!(store.begin_balance(sim(), DAY, next).await.unwrap());
        // A clock that was wrong does not silence it for ever.
        assert!(store.begin_balance(sim(), DAY, at).await.unwrap());
    }

    #[tokio::test]
    async fn a_balance_that_becomes_low_is_an_event_once_until_it_was_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        for (balance, is_low) in [(50, false), (10, true), (5, true), (90, false), (1, true)] {
            let entry = BalanceEntry {
                modem: ModemName::parse("m1").unwrap(),
                sim: sim(),
                balance: Money(balance),
                is_low,
                detail: format!("{balance}"),
                at: UnixMillis(balance),
            };
            store.note_balance(entry).await.unwrap();
        }
        let care = store.sim_care(sim(), UnixMillis(100)).await.unwrap();
        assert_eq!(care.balance, Some((Money(1), UnixMillis(1))));
        assert!(care.balance_is_low);
        assert_eq!(care.first_seen_at, UnixMillis(50), "it was seen before");
        let events = store
            .readers
            .ask(|db| {
                let mut statement =
                    db.prepare("SELECT type || ' ' || detail FROM modem_event ORDER BY number")?;
                let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            })
            .await
            .unwrap();
        assert_eq!(events, ["modem.low_balance 10", "modem.low_balance 1"]);
    }
}
