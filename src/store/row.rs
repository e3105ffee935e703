//! Words in rows, read back into the domain's types. A word that no version wrote is [`StoreError::Corrupt`].

use std::cell::Cell;

use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Row, Statement};

use super::StoreError;
use crate::domain::{
    Addressee, BatchId, BatchState, Category, Destination, Encoding, EventKind, InboundEncoding,
    InboundId, Locale, MessageId, MessageState, PartState, ProfileName, Purpose, Reason, Resend,
    RouteName, Severity, VerificationId, VerificationState,
};

pub(super) trait Word: Sized {
    const WHAT: &'static str;
    fn read(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($($noun:ident by $parse:ident),* $(,)?) => {
        $(impl Word for $noun {
            const WHAT: &'static str = stringify!($noun);
            fn read(word: &str) -> Option<Self> {
                Self::$parse(word)
            }
        })*
    };
}

words!(
    Addressee by stored,
    BatchId by parse,
    BatchState by parse,
    Category by parse,
    Destination by stored,
    Encoding by parse,
    EventKind by parse,
    InboundEncoding by parse,
    InboundId by parse,
    Locale by parse,
    MessageId by parse,
    MessageState by parse,
    PartState by parse,
    ProfileName by parse,
    Purpose by parse,
    Reason by parse,
    Resend by parse,
    RouteName by parse,
    Severity by parse,
    VerificationId by parse,
    VerificationState by parse,
);

/// Columns by their names.
pub(super) trait Columns {
    fn value(&self, column: &str) -> Result<ValueRef<'_>, rusqlite::Error>;
}

impl Columns for Row<'_> {
    fn value(&self, column: &str) -> Result<ValueRef<'_>, rusqlite::Error> {
        self.get_ref(column)
    }
}

/// A wide row whose columns are asked for in the order of its SELECT, or nearly so. SQLite finds a column by comparing
/// name after name; here the one behind the last is compared first.
pub(super) struct InOrder<'a, 'b> {
    row: &'a Row<'b>,
    next: Cell<usize>,
}

impl<'a, 'b> InOrder<'a, 'b> {
    pub(super) fn new(row: &'a Row<'b>) -> Self {
        Self {
            row,
            next: Cell::new(0),
        }
    }

    /// As [`Row::get`].
    pub(super) fn get<C: AsRef<str>, T: FromSql>(&self, column: C) -> Result<T, rusqlite::Error> {
        self.row.get(self.index(column.as_ref())?)
    }

    fn index(&self, column: &str) -> Result<usize, rusqlite::Error> {
        let statement: &Statement<'_> = self.row.as_ref();
        let next = self.next.get();
        let index = match statement.column_name(next) {
            Ok(name) if name == column => next,
            _ => statement.column_index(column)?,
        };
        self.next.set(index + 1);
        Ok(index)
    }
}

impl Columns for InOrder<'_, '_> {
    fn value(&self, column: &str) -> Result<ValueRef<'_>, rusqlite::Error> {
        self.row.get_ref(self.index(column)?)
    }
}

/// The column's word as a value.
pub(super) fn word<T: Word>(row: &impl Columns, column: &str) -> Result<T, StoreError> {
    let text = row.value(column)?.as_str().map_err(rusqlite::Error::from)?;
    T::read(text).ok_or_else(|| corrupt(T::WHAT, column))
}

fn corrupt(what: &str, column: &str) -> StoreError {
    // The value itself may be somebody's number.
    StoreError::Corrupt(format!("column {column} is no {what}"))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_column_is_found_by_its_name_in_whatever_order_it_is_asked_for() {
        let connection = Connection::open_in_memory().unwrap();
        let asked: [&[&str]; 3] = [&["a", "b", "c"], &["c", "a", "b"], &["b", "b", "a"]];
        for order in asked {
            let found: Vec<i64> = connection
                .query_row("SELECT 1 AS a, 2 AS b, 3 AS c", [], |row| {
                    let row = InOrder::new(row);
                    order.iter().map(|column| row.get(*column)).collect()
                })
                .unwrap();
            let meant: Vec<i64> = order
                .iter()
                .map(|column| 1 + i64::from(column.as_bytes()[0] - b'a'))
                .collect();
            assert_eq!(found, meant);
        }
        let none = connection.query_row("SELECT 1 AS a", [], |row| {
            InOrder::new(row).get::<_, i64>("z")
        });
        assert!(none.is_err());
    }
}
