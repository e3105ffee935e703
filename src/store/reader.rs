//! Read-only connections, lent to one question at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

use super::StoreError;

#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    seats: Semaphore,
}

/// A question holds the WAL as it was when it was asked: one without end would let it grow without end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
const LOOK_EVERY: i32 = 10_000;
/// As many questions at once as a small machine has use for; further ones wait.
const SEATS: usize = 4;

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self(Arc::new(Pool {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            seats: Semaphore::new(SEATS),
        }))
    }

    /// Asks, and waits for the answer. The runtime drives the question, not the one who asks: dispatch keeps questions
    /// beside the one it waits for, and a seat given to one that nobody polls would be kept from all others for ever.
    pub(super) async fn ask<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let answer = tokio::spawn(self.clone().answer(question));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Runs `question` on a thread that may block.
    async fn answer<T, F>(self, question: F) -> Result<T, StoreError>
    where
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        T: Send + 'static,
    {
        let pool = Arc::clone(&self.0);
        let _seat = self
            .0
            .seats
            .acquire()
            .await
            .map_err(|_| StoreError::Closed)?;
        let answer = tokio::task::spawn_blocking(move || {
            let connection = pool.take()?;
            let answer = within(PATIENCE, &connection, question);
            // One that failed may be the reason: it is not lent again.
            if answer.is_ok() {
                pool.lock().push(connection);
            }
            answer
        });
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Asks, and gives up when it takes too long.
fn within<T>(
    patience: Duration,
    connection: &Connection,
    question: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let until = Instant::now() + patience;
    connection.progress_handler(LOOK_EVERY, Some(move || Instant::now() > until))?;
    match question(connection) {
        Err(StoreError::Sqlite(error))
            if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
        {
            Err(StoreError::TooSlow(patience))
        }
        answer => answer,
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, StoreError> {
        if let Some(connection) = self.lock().pop() {
            return Ok(connection);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.pragma_update(None, "query_only", true)?;
        super::plan_once(&connection)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // The list is whole at every line above, so a panic elsewhere cannot have broken it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_without_end_is_given_up() {
        let connection = Connection::open_in_memory().unwrap();
        let endless = |db: &Connection| -> Result<i64, StoreError> {
            Ok(db.query_row(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
                [],
                |row| row.get(0),
            )?)
        };
        let given_up = within(Duration::from_millis(5), &connection, endless);
        assert!(
            matches!(given_up, Err(StoreError::TooSlow(_))),
            "{given_up:?}"
        );
        let short = within(PATIENCE, &connection, |db| {
            Ok(db.query_row("SELECT 7", [], |row| row.get::<_, i64>(0))?)
        });
        assert_eq!(short.unwrap(), 7);
    }
}
