//! Brings a database file to the schema of this version; refuses to go backwards.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::StoreError;

/// Each file is a step, in this order, and is never edited once released.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/0001_first.sql")),
    M::up(include_str!("schema/0002_inbound.sql")),
    M::up(include_str!("schema/0003_fleet.sql")),
    M::up(include_str!("schema/0004_routes.sql")),
    M::up(include_str!("schema/0005_life.sql")),
    M::up(include_str!("schema/0006_people.sql")),
    M::up(include_str!("schema/0007_template.sql")),
    M::up(include_str!("schema/0008_keys.sql")),
    M::up(include_str!("schema/0009_limit.sql")),
    M::up(include_str!("schema/0010_verification.sql")),
    M::up(include_str!("schema/0011_cloud.sql")),
    M::up(include_str!("schema/0012_code_provider.sql")),
    M::up(include_str!("schema/0013_care.sql")),
    M::up(include_str!("schema/0014_adopted.sql")),
];

pub(super) fn to_latest(connection: &mut Connection) -> Result<(), StoreError> {
    refuse_foreign(connection)?;
    match Migrations::from_slice(STEPS).to_latest(connection) {
        Ok(()) => Ok(()),
        Err(Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead)) => {
            Err(StoreError::NewerVersion)
        }
        Err(Error::RusqliteError { err, .. }) => Err(err.into()),
        Err(other) => Err(StoreError::Migration(other.to_string())),
    }
}

/// Whether this version can read the file: it is one of ours, and of no later version.
pub(super) fn refuse_unknown(connection: &Connection) -> Result<(), StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(version) {
        Ok(0) | Err(_) => Err(StoreError::Foreign),
        Ok(version) if version > STEPS.len() => Err(StoreError::NewerVersion),
        Ok(_) => Ok(()),
    }
}

/// A file with tables and without a version of ours is somebody else's.
fn refuse_foreign(connection: &Connection) -> Result<(), StoreError> {
    let is_foreign: bool = connection.query_row(
        "SELECT (SELECT user_version FROM pragma_user_version) = 0
            AND EXISTS (SELECT 1 FROM sqlite_schema)",
        [],
        |row| row.get(0),
    )?;
    match is_foreign {
        true => Err(StoreError::Foreign),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_sound() {
        Migrations::from_slice(STEPS).validate().unwrap();
    }

    #[test]
    fn what_was_stored_before_is_counted_and_found_by_its_time() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = Migrations::from_slice(&STEPS[..3]);
        before.to_latest(&mut connection).unwrap();
        const HOUR: i64 = 3_600_000;
        for (seq, state, hour, sent_hour) in [
            (1, "delivered", 0, Some(30)),
            (2, "delivered", 0, Some(31)),
            (3, "failed", 2, None),
            (4, "queued", 1, None),
        ] {
            connection
                .execute(
                    "INSERT INTO message (seq, id, app, to_number, to_raw, country, category, priority, state, text,
                                          encoding, parts, flash, ref16, created_at, expires_at, sent_at)
                     VALUES (?1, 'MSG_' || ?1, 'default', '+8613800138000', '', 'CN', 'bulk', 4, ?2, '',
                             'gsm7', 1, 0, 0, ?3, ?3, ?4)",
                    (seq, state, hour * HOUR, sent_hour.map(|hour: i64| hour * HOUR)),
                )
                .unwrap();
        }
        to_latest(&mut connection).unwrap();
        let read = |sql: &str| -> Vec<(i64, String, i64)> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            rows.unwrap().map(Result::unwrap).collect()
        };
        assert_eq!(
            read("SELECT day, status, messages FROM statistic ORDER BY day, status"),
            [(0, "failed".into(), 1), (1, "delivered".into(), 2)]
        );
        assert_eq!(
            read("SELECT first_seq, '', hour FROM accepted_hour ORDER BY first_seq"),
            [(1, "".into(), 0), (3, "".into(), 2), (4, "".into(), 1)]
        );
    }

    #[test]
    fn a_database_of_another_program_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE users (name)")
            .unwrap();
        assert!(matches!(
            to_latest(&mut connection),
            Err(StoreError::Foreign)
        ));
    }

    #[test]
    fn a_database_of_a_later_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            to_latest(&mut connection),
            Err(StoreError::NewerVersion)
        ));
    }

    /// What a gateway of each version had written, in the columns it knew: by the step that brought them.
    const WRITTEN: &[(usize, &str)] = &[
        (
            1,
            "INSERT INTO message (seq, id, app, to_number, to_raw, country, category, priority, state, text, encoding,
                                  parts, flash, ref16, created_at, expires_at)
             VALUES (1, 'MSG_20231114221320000001_001', 'default', '+8613800138000', '13800138000', 'CN',
                     'transactional', 2, 'queued', 'It waits', 'gsm7', 1, 0, 0, 1700000000000, 1700086400000);
             INSERT INTO message (seq, id, app, to_number, to_raw, country, category, priority, state, text, encoding,
                                  parts, flash, ref16, reference, route, tries, created_at, expires_at, sent_at,
                                  delivered_at)
             VALUES (2, 'MSG_20231114221320000002_001', 'default', '+8613800138000', '13800138000', 'CN', 'otp', 0,
                     'delivered', '••••••', 'ucs2', 1, 0, 0, 7, 'modem:m1', 1, 1700000000000, 1700086400000,
                     1700000001000, 1700000002000);
             INSERT INTO part (message, number, state) VALUES (1, 1, 'queued');
             INSERT INTO part (message, number, state, route, sim, recipient_tail, mr, tried_at, accepted_at,
                               tp_status, reported_at)
             VALUES (2, 1, 'delivered', 'modem:m1', '89860000000000000001', '00138000', 41, 1700000000500,
                     1700000001000, 0, 1700000002000);
             INSERT INTO event (message, number, at, kind) VALUES (1, 1, 1700000000000, 'queued'),
                                                                  (2, 1, 1700000000000, 'queued');
             INSERT INTO sim (id, modem, last_mr, mean_send_ms, seen_at)
             VALUES ('89860000000000000001', 'm1', 41, 4000, 1700000001000);
             INSERT INTO orphan_report (sim, mr, recipient, tp_status, received_at)
             VALUES ('89860000000000000001', 9, '+8613800138000', 0, 1700000000000);
             INSERT INTO idempotency (scope, body_mac, status, answer, created_at)
             VALUES (x'01', x'02', 202, '{}', 1700000000000);",
        ),
        (
            2,
            "INSERT INTO inbound (seq, id, sim, modem, from_number, text, encoding, parts, complete, received_at)
             VALUES (1, 'IN_20231114221320000001', '89860000000000000001', 'm1', '+8613800138000', 'Thank you', 'gsm7',
                     1, 1, 1700000000000);
             INSERT INTO inbound_part (assembly, inbound, sim, modem, from_number, total, number, encoding, received_at,
                                       pdu)
             VALUES (1, 1, '89860000000000000001', 'm1', '+8613800138000', 1, 1, 'gsm7', 1700000000000, x'03');",
        ),
        (
            3,
            "UPDATE part SET expected_mr = 42 WHERE message = 2;
             INSERT INTO pin_try (lock, state, at) VALUES (x'04', 'opened', 1700000000000);
             INSERT INTO sim_use (sim, hour, parts) VALUES ('89860000000000000001', 472222, 3);
             INSERT INTO recovery (modem, at, rung, outcome, why)
             VALUES ('m1', 1700000000000, 'restart', 'helped', 'no answer to AT');",
        ),
    ];
    const TABLES: [&str; 11] = [
        "message",
        "part",
        "event",
        "sim",
        "orphan_report",
        "idempotency",
        "inbound",
        "inbound_part",
        "pin_try",
        "sim_use",
        "recovery",
    ];

    fn rows(connection: &Connection) -> Vec<Option<i64>> {
        let count = |table: &&str| {
            connection
                .query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| {
                    row.get(0)
                })
                .ok()
        };
        TABLES.iter().map(count).collect()
    }

    /// A file as the gateway with the first `version` steps left it; answers the rows of each table it had.
    fn left_by(version: usize, path: &std::path::Path) -> Vec<Option<i64>> {
        let mut connection = Connection::open(path).unwrap();
        connection
            .pragma_update(None, "journal_mode", "wal")
            .unwrap();
        Migrations::from_slice(&STEPS[..version])
            .to_latest(&mut connection)
            .unwrap();
        for (_, sql) in WRITTEN.iter().filter(|(since, _)| *since <= version) {
            connection.execute_batch(sql).unwrap();
        }
        rows(&connection)
    }

    #[tokio::test]
    async fn every_earlier_database_is_taken_over_with_its_rows_and_goes_on() {
        use crate::domain::{MessageId, MessageState, Pepper, UnixMillis};
        use crate::store::{Cancel, Store};
        for version in 1..=STEPS.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("cellpost.db");
            let before = left_by(version, &path);
            let (store, threads) = Store::open(&path, Pepper::new(&[7; 32])).unwrap();
            let id = |id: &str| MessageId::parse(id).unwrap();
            let waiting = id("MSG_20231114221320000001_001");
            let found = store.message(waiting.clone(), None).await.unwrap().unwrap();
            assert_eq!(found.state, MessageState::Queued, "from version {version}");
            assert_eq!(found.text.expose(), "It waits");
            let over = store
                .message(id("MSG_20231114221320000002_001"), None)
                .await;
            let over = over.unwrap().unwrap();
            assert_eq!(over.state, MessageState::Delivered);
            assert_eq!(over.delivered_at, Some(UnixMillis(1_700_000_002_000)));
            assert_eq!(store.unsent(), 1);
            let canceled = store
                .cancel(waiting, None, UnixMillis(1_700_000_003_000))
                .await;
            assert!(matches!(canceled, Ok(Cancel::Done(_))), "{canceled:?}");
            drop(store);
            threads.join();

            let connection = Connection::open(&path).unwrap();
            super::super::check::every_page(&connection).unwrap();
            let after = rows(&connection);
            for (at, table) in TABLES.iter().enumerate() {
                // The cancel adds an event.
                let added = i64::from(*table == "event");
                let expected = before[at].map_or(0, |before| before + added);
                assert_eq!(after[at], Some(expected), "{table} from version {version}");
            }
        }
    }

    #[test]
    fn what_this_version_cannot_read_is_told_from_what_it_can() {
        let version = |version: i64| {
            let connection = Connection::open_in_memory().unwrap();
            connection
                .pragma_update(None, "user_version", version)
                .unwrap();
            refuse_unknown(&connection)
        };
        assert!(matches!(version(0), Err(StoreError::Foreign)));
        assert!(version(1).is_ok());
        assert!(matches!(version(99), Err(StoreError::NewerVersion)));
    }
}
