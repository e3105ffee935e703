//! Brings a database file to the schema of this version; refuses to go backwards.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::StoreError;

/// Each file is a step, in this order, and is never edited once released.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/0001_first.sql")),
    M::up(include_str!("schema/0002_inbound.sql")),
    M::up(include_str!("schema/0003_fleet.sql")),
    M::up(include_str!("schema/0005_life.sql")),
    M::up(include_str!("schema/0009_template.sql")),
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
}
