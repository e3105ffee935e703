//! Read-only connections, lent to one question at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
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
            let answer = question(&connection);
            // One that failed may be the reason: it is not lent again.
            if answer.is_ok() {
                pool.lock().push(connection);
            }
            answer
        });
        answer.await.unwrap_or(Err(StoreError::Closed))
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
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // The list is whole at every line above, so a panic elsewhere cannot have broken it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
