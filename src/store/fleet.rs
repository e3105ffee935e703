//! What is remembered of modems and their SIMs over restarts: PINs tried, parts sent, what brought a modem back.

use rusqlite::{OptionalExtension, named_params};

use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::{ModemName, SimId, UnixMillis};

/// A step on the ladder of recovery.
#[derive(Clone, Debug)]
pub(crate) struct RecoveryEntry {
    pub(crate) modem: ModemName,
    pub(crate) rung: &'static str,
    pub(crate) outcome: &'static str,
    /// For a person.
    pub(crate) why: String,
    pub(crate) at: UnixMillis,
}

/// Parts that a SIM was given, by hour since 1970, oldest first.
pub(crate) type SimUse = Vec<(i64, u32)>;

/// Steps kept of all modems together: the oldest give way.
const MOST_STEPS: i64 = 10_000;
/// What a month's quota may look back on, and some.
const USE_KEPT_HOURS: i64 = 24 * 40;
const MILLIS_PER_HOUR: i64 = 3_600_000;

impl Store {
    /// Whether this PIN may be entered into this SIM: never tried, or tried and taken. `true` is answered when it is
    /// durable that it was tried.
    pub(crate) async fn claim_pin(
        &self,
        lock: [u8; 32],
        at: UnixMillis,
    ) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| claim_pin(work, &lock, at));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The PIN was entered and taken.
    pub(crate) async fn pin_opened(
        &self,
        lock: [u8; 32],
        at: UnixMillis,
    ) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| {
            work.db
                .prepare_cached("UPDATE pin_try SET state = 'opened', at = :at WHERE lock = :lock")?
                .execute(named_params! { ":lock": lock, ":at": at.0 })?;
            Ok(())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Puts a step on record.
    pub(crate) async fn note_recovery(&self, entry: RecoveryEntry) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| note_recovery(work, &entry));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// What brought this modem back the last time.
    pub(crate) async fn helped(&self, modem: ModemName) -> Result<Option<String>, StoreError> {
        self.readers
            .ask(move |db| {
                Ok(db
                    .prepare_cached(
                        "SELECT rung
                           FROM recovery
                          WHERE modem = :modem AND outcome = 'helped'
                          ORDER BY number DESC
                          LIMIT 1",
                    )?
                    .query_row(named_params! { ":modem": modem.as_str() }, |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    /// What this SIM has sent in the hours that a quota may count.
    pub(crate) async fn sim_use(&self, sim: SimId) -> Result<SimUse, StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT hour, parts FROM sim_use WHERE sim = :sim ORDER BY hour",
                )?;
                let rows = statement.query_map(named_params! { ":sim": sim.as_str() }, |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn claim_pin(work: &mut Work<'_>, lock: &[u8; 32], at: UnixMillis) -> Result<bool, StoreError> {
    let changed = work
        .db
        .prepare_cached(
            "INSERT INTO pin_try (lock, state, at)
             VALUES (:lock, 'tried', :at)
             ON CONFLICT (lock) DO UPDATE
                SET state = 'tried', at = excluded.at
              WHERE state = 'opened'",
        )?
        .execute(named_params! { ":lock": lock, ":at": at.0 })?;
    Ok(changed == 1)
}

fn note_recovery(work: &mut Work<'_>, entry: &RecoveryEntry) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO recovery (modem, at, rung, outcome, why)
             VALUES (:modem, :at, :rung, :outcome, :why)",
        )?
        .execute(named_params! {
            ":modem": entry.modem.as_str(),
            ":at": entry.at.0,
            ":rung": entry.rung,
            ":outcome": entry.outcome,
            ":why": entry.why,
        })?;
    let newest = work.db.last_insert_rowid();
    work.db
        .prepare_cached("DELETE FROM recovery WHERE number <= :newest - :most")?
        .execute(named_params! { ":newest": newest, ":most": MOST_STEPS })?;
    Ok(())
}

/// Counts a part that is about to go out by this SIM. Hours that no quota looks back on are forgotten.
pub(super) fn count_part(work: &Work<'_>, sim: &SimId, at: UnixMillis) -> Result<(), StoreError> {
    let hour = at.0.div_euclid(MILLIS_PER_HOUR);
    let parts: i64 = work
        .db
        .prepare_cached(
            "INSERT INTO sim_use (sim, hour, parts)
             VALUES (:sim, :hour, 1)
             ON CONFLICT (sim, hour) DO UPDATE SET parts = parts + 1
             RETURNING parts",
        )?
        .query_row(
            named_params! { ":sim": sim.as_str(), ":hour": hour },
            |row| row.get(0),
        )?;
    if parts == 1 {
        work.db
            .prepare_cached("DELETE FROM sim_use WHERE sim = :sim AND hour < :hour - :kept")?
            .execute(
                named_params! { ":sim": sim.as_str(), ":hour": hour, ":kept": USE_KEPT_HOURS },
            )?;
    }
    Ok(())
}

/// A part that was counted has not left.
pub(super) fn uncount_part(
    work: &Work<'_>,
    sim: &SimId,
    tried_at: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE sim_use
                SET parts = parts - 1
              WHERE sim = :sim AND hour = :hour AND parts > 0",
        )?
        .execute(named_params! {
            ":sim": sim.as_str(),
            ":hour": tried_at.0.div_euclid(MILLIS_PER_HOUR),
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Pepper;

    struct House {
        store: Store,
        folder: tempfile::TempDir,
    }

    impl House {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = open(&folder);
            Self { store, folder }
        }

        fn again(self) -> Self {
            let folder = self.folder;
            drop(self.store);
            Self {
                store: open(&folder),
                folder,
            }
        }
    }

    fn open(folder: &tempfile::TempDir) -> Store {
        let path = folder.path().join("cellpost.db");
        Store::open(&path, Pepper::new(&[7; 32])).unwrap().0
    }

    #[tokio::test]
    async fn a_pin_that_was_tried_is_not_tried_again_also_after_a_restart() {
        let house = House::new();
        let (lock, other) = ([1; 32], [2; 32]);
        assert!(house.store.claim_pin(lock, UnixMillis(1)).await.unwrap());
        assert!(!house.store.claim_pin(lock, UnixMillis(2)).await.unwrap());
        let house = house.again();
        assert!(!house.store.claim_pin(lock, UnixMillis(3)).await.unwrap());
        assert!(house.store.claim_pin(other, UnixMillis(3)).await.unwrap());
    }

    #[tokio::test]
    async fn a_pin_that_was_taken_may_be_entered_again_until_it_is_not() {
        let house = House::new();
        let lock = [1; 32];
        assert!(house.store.claim_pin(lock, UnixMillis(1)).await.unwrap());
        house.store.pin_opened(lock, UnixMillis(2)).await.unwrap();
        assert!(house.store.claim_pin(lock, UnixMillis(3)).await.unwrap());
        assert!(!house.store.claim_pin(lock, UnixMillis(4)).await.unwrap());
    }

    #[tokio::test]
    async fn what_brought_a_modem_back_last_is_remembered_for_it_alone() {
        let house = House::new();
        let modem = |name| ModemName::parse(name).unwrap();
        let entry = |name, rung, outcome| RecoveryEntry {
            modem: modem(name),
            rung,
            outcome,
            why: String::new(),
            at: UnixMillis(1),
        };
        for (name, rung, outcome) in [
            ("m1", "reset", "begun"),
            ("m1", "radio", "helped"),
            ("m1", "restart", "helped"),
            ("m1", "quarantine", "begun"),
            ("m2", "reopen", "helped"),
        ] {
            house
                .store
                .note_recovery(entry(name, rung, outcome))
                .await
                .unwrap();
        }
        let house = house.again();
        for (name, rung) in [
            ("m1", Some("restart")),
            ("m2", Some("reopen")),
            ("m3", None),
        ] {
            assert_eq!(
                house.store.helped(modem(name)).await.unwrap().as_deref(),
                rung
            );
        }
    }

    #[tokio::test]
    async fn parts_are_counted_by_the_hour_and_old_hours_are_forgotten() {
        let house = House::new();
        let sim = SimId::parse("89860000000000000001").unwrap();
        let hours = 24 * 41;
        let counted = sim.clone();
        let (job, receipt) = job(move |work| {
            for at in [0, 0, hours * MILLIS_PER_HOUR] {
                count_part(work, &counted, UnixMillis(at))?;
            }
            count_part(work, &counted, UnixMillis(hours * MILLIS_PER_HOUR))?;
            uncount_part(work, &counted, UnixMillis(hours * MILLIS_PER_HOUR))
        });
        house.store.door.submit(vec![job]).await;
        receipt.committed().await.unwrap();
        assert_eq!(house.store.sim_use(sim).await.unwrap(), [(hours, 1)]);
    }
}
