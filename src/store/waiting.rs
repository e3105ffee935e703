//! What is not sent yet, counted in memory as it comes and goes: nobody counts rows to know how long the line is.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::row::word;
use super::{Store, StoreError};
use crate::domain::{Category, MessageState, Via};

/// Where a message waits: its state, its category, and the only way by which it may leave.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Place {
    /// `Scheduled`, `Queued` or `Sending`.
    pub(crate) state: MessageState,
    pub(crate) category: Category,
    pub(crate) via: Option<Via>,
}

/// Messages by place. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: AtomicI64,
    places: Mutex<HashMap<Place, i64>>,
}

/// Messages that came to a place (+1) or left it (−1) in a transaction that is not committed yet.
pub(super) type Moves = Vec<(Place, i64)>;

impl Store {
    /// Messages that are scheduled, queued or sending.
    pub(crate) fn unsent(&self) -> i64 {
        self.door.waiting.0.all.load(Ordering::Relaxed)
    }

    /// How many messages wait where, in the order of states and categories. No empty place.
    pub(crate) fn places(&self) -> Vec<(Place, i64)> {
        let mut places: Vec<_> = self.door.waiting.with(|places| {
            places
                .iter()
                .map(|(place, n)| (place.clone(), *n))
                .collect()
        });
        places.sort_unstable();
        places
    }
}

impl Waiting {
    /// Counts once: the rows of what is unsent, and no others.
    pub(super) fn count(&self, db: &Connection) -> Result<(), StoreError> {
        let mut statement = db.prepare(
            "SELECT state, category, from_modem, COUNT(*)
               FROM message
              WHERE (state = 'scheduled' OR state = 'queued' OR state = 'sending')
              GROUP BY state, category, from_modem",
        )?;
        let mut rows = statement.query([])?;
        let mut counted = HashMap::new();
        while let Some(row) = rows.next()? {
            let via: Option<String> = row.get(2)?;
            let place = Place {
                state: word(row, "state")?,
                category: word(row, "category")?,
                via: via.as_deref().and_then(Via::parse),
            };
            counted.insert(place, row.get(3)?);
        }
        self.0.all.store(counted.values().sum(), Ordering::Relaxed);
        self.with(|places| *places = counted);
        Ok(())
    }

    /// After COMMIT.
    pub(super) fn apply(&self, moves: Moves) {
        if moves.is_empty() {
            return;
        }
        let change = moves.iter().map(|(_, change)| change).sum();
        self.0.all.fetch_add(change, Ordering::Relaxed);
        self.with(|places| {
            for (place, change) in moves {
                *places.entry(place).or_default() += change;
            }
            places.retain(|_, messages| *messages != 0);
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Place, i64>) -> T) -> T {
        // Sums of whole numbers: a panic elsewhere leaves none half done.
        change(&mut self.0.places.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
