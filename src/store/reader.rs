//! Read-only connections, lent to one question at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, oneshot};

use super::StoreError;

#[derive(Clone, Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    /// With one question.
    patience: Duration,
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
        Self::with_patience(path, PATIENCE)
    }

    fn with_patience(path: &Path, patience: Duration) -> Self {
        Self(Arc::new(Pool {
            path: path.to_owned(),
            patience,
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
        let (tell, told) = oneshot::channel();
        let patience = self.0.patience;
        let question: Question = Box::new(move |connection| {
            let answer = connection
                .and_then(question)
                .map_err(|error| told_why(error, patience));
            let is_sound = answer.is_ok();
            // Whoever asked may have gone meanwhile.
            let _ = tell.send(answer);
            is_sound
        });
        tokio::spawn(Arc::clone(&self.0).answer(question));
        told.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Runs on a connection that is lent, or hears why there is none. Answers whether the connection may be lent again.
///
/// In a box, so that what carries it to its thread is there once and not for each question: that was a quarter MB of program.
type Question = Box<dyn FnOnce(Result<&Connection, StoreError>) -> bool + Send>;

/// Why a question was broken off.
fn told_why(error: StoreError, patience: Duration) -> StoreError {
    match error {
        StoreError::Sqlite(error)
            if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
        {
            StoreError::TooSlow(patience)
        }
        other => other,
    }
}

impl Pool {
    /// Runs `question` on a thread that may block. What is dropped unasked tells whoever asked that the store is closed.
    async fn answer(self: Arc<Self>, question: Question) {
        let pool = Arc::clone(&self);
        let Ok(_seat) = self.seats.acquire().await else {
            return;
        };
        let asked = tokio::task::spawn_blocking(move || pool.lend(question));
        // A question that panicked has told nobody anything, and its connection is gone with it.
        let _ = asked.await;
    }

    /// Lends a connection for as long as the question may take. One of a question that failed may be the reason: it is
    /// not lent again.
    fn lend(&self, question: Question) {
        let connection = match self.take().and_then(|taken| limited(taken, self.patience)) {
            Ok(connection) => connection,
            Err(error) => {
                question(Err(error));
                return;
            }
        };
        if question(Ok(&connection)) {
            self.lock().push(connection);
        }
    }

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

/// From now on for so long.
fn limited(connection: Connection, patience: Duration) -> Result<Connection, StoreError> {
    let until = Instant::now() + patience;
    connection.progress_handler(LOOK_EVERY, Some(move || Instant::now() > until))?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_without_end_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        Connection::open(&path).unwrap();
        let endless = |db: &Connection| -> Result<i64, StoreError> {
            Ok(db.query_row(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n",
                [],
                |row| row.get(0),
            )?)
        };
        let hasty = Readers::with_patience(&path, Duration::from_millis(5));
        let given_up = hasty.ask(endless).await;
        assert!(
            matches!(given_up, Err(StoreError::TooSlow(_))),
            "{given_up:?}"
        );
        let short = Readers::new(&path).ask(seven).await;
        assert_eq!(short.unwrap(), 7);
    }

    fn seven(db: &Connection) -> Result<i64, StoreError> {
        Ok(db.query_row("SELECT 7", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_question_that_panics_takes_neither_its_seat_nor_its_connection_along() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        Connection::open(&path).unwrap();
        let readers = Readers::new(&path);
        for _ in 0..=SEATS {
            let answer = readers.ask(|_| -> Result<i64, StoreError> { panic!("a bug") });
            assert!(matches!(answer.await, Err(StoreError::Closed)));
        }
        assert_eq!(readers.ask(seven).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn whoever_asks_a_file_that_is_not_there_hears_so() {
        let folder = tempfile::tempdir().unwrap();
        let readers = Readers::new(&folder.path().join("x.db"));
        let answer = readers.ask(seven).await;
        assert!(
            matches!(answer, Err(StoreError::CannotOpen(_))),
            "{answer:?}"
        );
    }
}
