//! Brings a database file to the schema of this version; refuses to go backwards.

use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};

use super::StoreError;

/// Each file is a step, in this order, and is never edited once released.
const STEPS: &[M<'static>] = &[M::up(include_str!("schema/0001_first.sql"))];

pub(super) fn to_latest(connection: &mut Connection) -> Result<(), StoreError> {
    match Migrations::from_slice(STEPS).to_latest(connection) {
        Ok(()) => Ok(()),
        Err(Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead)) => {
            Err(StoreError::NewerVersion)
        }
        Err(Error::RusqliteError { err, .. }) => Err(err.into()),
        Err(other) => Err(StoreError::Migration(other.to_string())),
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
    fn a_database_of_a_later_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            to_latest(&mut connection),
            Err(StoreError::NewerVersion)
        ));
    }
}
