//! Brings a database file to the schema of this version; refuses to go backwards.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::StoreError;

/// Each file is a step, in this order, and is never edited once released.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("schema/0001_first.sql")),
    M::up(include_str!("schema/0002_inbound.sql")),
    M::up(include_str!("schema/0003_fleet.sql")),
    M::up(include_str!("schema/0006_people.sql")),
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
