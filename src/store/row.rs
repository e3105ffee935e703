//! Words in rows, read back into the domain's types. A word that no version wrote is [`StoreError::Corrupt`].

use rusqlite::Row;

use super::StoreError;
use crate::domain::{
    Addressee, BatchId, BatchState, Category, Destination, Encoding, EventKind, InboundEncoding,
    InboundId, MessageId, MessageState, PartState,
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
    MessageId by parse,
    MessageState by parse,
    PartState by parse,
);

/// The column's word as a value.
pub(super) fn word<T: Word>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let text = row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?;
    T::read(text).ok_or_else(|| corrupt(T::WHAT, column))
}

fn corrupt(what: &str, column: &str) -> StoreError {
    // The value itself may be somebody's number.
    StoreError::Corrupt(format!("column {column} is no {what}"))
}
