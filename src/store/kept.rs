//! Statements that the jobs of a group run again and again: found by where their text lies, not by what it says.
//!
//! The cache of a connection hashes and copies the text of a statement each time it is used, which for the few that every
//! accept runs is a tenth of what the store does for it. Those come from here; all others from the cache.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use rusqlite::{CachedStatement, Connection, Statement, ToSql};

/// Those that were used in a group. They go back to the cache of their connection with it.
pub(super) struct Shelf<'c> {
    db: &'c Connection,
    statements: RefCell<Vec<(&'static str, CachedStatement<'c>)>>,
}

/// One of them in use; it goes back to its shelf.
pub(super) struct Kept<'s, 'c> {
    shelf: &'s Shelf<'c>,
    /// `None` only while it is dropped.
    statement: Option<(&'static str, CachedStatement<'c>)>,
}

impl<'c> Shelf<'c> {
    pub(super) fn new(db: &'c Connection) -> Self {
        Self {
            db,
            statements: RefCell::default(),
        }
    }

    /// `sql`: the same text from two places is two statements.
    pub(super) fn take(&self, sql: &'static str) -> Result<Kept<'_, 'c>, rusqlite::Error> {
        let mut statements = self.statements.borrow_mut();
        let place = statements
            .iter()
            .position(|(one, _)| std::ptr::eq(*one, sql));
        let statement = match place {
            Some(place) => statements.swap_remove(place),
            None => (sql, self.db.prepare_cached(sql)?),
        };
        Ok(Kept {
            shelf: self,
            statement: Some(statement),
        })
    }
}

impl Kept<'_, '_> {
    /// Runs it with values in the order in which their names stand in it: they are bound by their places, for a search for
    /// each of thirty names costs more than the rest of a row. Debug builds, the tests among them, compare the names.
    pub(super) fn run(&mut self, values: &[(&str, &dyn ToSql)]) -> Result<usize, rusqlite::Error> {
        debug_assert_eq!(self.parameter_count(), values.len());
        for (place, (name, value)) in values.iter().enumerate() {
            debug_assert_eq!(self.parameter_name(place + 1), Some(*name));
            self.raw_bind_parameter(place + 1, value)?;
        }
        self.raw_execute()
    }
}

impl<'c> Deref for Kept<'_, 'c> {
    type Target = Statement<'c>;

    fn deref(&self) -> &Self::Target {
        let (_, statement) = self.statement.as_ref().expect("it is there until the drop");
        statement
    }
}

impl DerefMut for Kept<'_, '_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        let (_, statement) = self.statement.as_mut().expect("it is there until the drop");
        statement
    }
}

impl Drop for Kept<'_, '_> {
    fn drop(&mut self) {
        self.shelf
            .statements
            .borrow_mut()
            .extend(self.statement.take());
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::named_params;

    use super::*;

    const INSERT: &str = "INSERT INTO one (number, word) VALUES (:number, :word)";

    #[test]
    fn a_statement_is_used_again_and_again() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE one (number INTEGER UNIQUE, word TEXT)")
            .unwrap();
        let shelf = Shelf::new(&db);
        for (number, is_new) in [(1, true), (2, true), (2, false), (3, true)] {
            let values = named_params! { ":number": number, ":word": "a word" };
            let ran = shelf.take(INSERT).unwrap().run(values);
            assert_eq!(ran.is_ok(), is_new, "{number}");
        }
        assert_eq!(shelf.statements.borrow().len(), 1);
        let count: i64 = db
            .query_row(
                "SELECT COUNT(*) FROM one WHERE word = 'a word'",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(count, 3);
    }

    #[test]
    fn two_uses_at_once_are_two_statements() {
        let db = Connection::open_in_memory().unwrap();
        let shelf = Shelf::new(&db);
        let read = |statement: &mut Kept<'_, '_>| -> i64 {
            statement.query_row([], |row| row.get(0)).unwrap()
        };
        let mut one = shelf.take("SELECT 1").unwrap();
        let mut other = shelf.take("SELECT 1").unwrap();
        assert_eq!((read(&mut one), read(&mut other)), (1, 1));
    }
}
