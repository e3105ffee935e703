//! **Store**: what is durable. The only room with SQL.
//!
//! One writer thread commits in groups ([`writer`]), readers are read-only ([`reader`]). Each method of
//! [`Store`] is one fact that becomes true, and is answered after COMMIT with `synchronous=FULL`.
//!
//! Never: decides what to do next, speaks HTTP or AT, shows a row to another room.
//! May use: `domain`.
//! Read first: [`message`] for the life of a message, [`writer`] for what a failing disk does.

mod adopted;
mod attempt;
mod audit;
mod backup;
mod batch;
mod care;
mod check;
mod clock;
mod doubt;
mod elsewhere;
mod expiry;
mod fleet;
mod forget;
mod guard;
mod idempotency;
mod inbound;
mod kept;
mod key;
mod limit;
mod list;
mod message;
mod migrate;
mod money;
mod occurrence;
mod origin;
mod part;
mod preference;
mod query;
mod queue;
mod quiet;
mod reader;
mod recent;
mod report;
mod retention;
mod row;
mod sim;
mod statistic;
mod suppression;
mod template;
mod verification;
mod waiting;
mod wal;
mod writer;

use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::broadcast;

pub(crate) use adopted::Adopted;
pub(crate) use attempt::{Matched as MatchedDelivery, ToAsk, Told};
pub(crate) use audit::{AuditEntry, Audited};
pub(crate) use backup::{BackupError, Restored, back_up, restore};
pub(crate) use batch::{BatchStep, BatchSubmission, BatchView, CancelBatch, Rejected};
pub(crate) use care::{BalanceEntry, SimCare};
pub(crate) use check::look;
pub(crate) use clock::ClockSet;
pub(crate) use doubt::{InDoubt, Settlement, Verdict};
pub(crate) use elsewhere::{Errand, Question, Retold};
pub(crate) use fleet::{RecoveryEntry, SimUse};
pub(crate) use forget::Lost;
pub(crate) use guard::{Conversion, Hold};
pub(crate) use idempotency::{Answer, Once, Render};
pub(crate) use inbound::{InboundView, InboxFilter, Received};
pub(crate) use key::KeyChange;
pub(crate) use limit::{Counted, Counts, LimitKey};
pub(crate) use list::Filter;
pub(crate) use message::{Accepted, Cancel, Submission};
pub(crate) use origin::StoredOrigin;
pub(crate) use part::{Acceptance, Intent, NeverLeft, NextTry, Refusal, Uncertainty};
#[cfg(test)]
pub(crate) use query::LastTry;
pub(crate) use query::{Contacts, InLine, MessageView, StoredText};
pub(crate) use queue::{Group as QueueGroup, Why};
pub(crate) use recent::OfNumber;
pub(crate) use report::Matched;
pub(crate) use retention::Ages;
pub(crate) use statistic::DAY;
pub(crate) use suppression::SuppressionView;
pub(crate) use template::{
    ChangedTemplate, NewTemplate, TemplateChange, TemplatePage, TemplateView,
};
pub(crate) use verification::{
    Checked, CodeSent, Ended, FailuresOf, Going, Life, NewVerification, SentCode, TextOf,
    VerificationFilter, VerificationView, Which,
};
pub(crate) use waiting::Place;
pub(crate) use writer::{Receipt, StoreThreads};

use crate::domain::{Event, Manners, MessageId, Pepper};
use reader::Readers;
use waiting::Waiting;
use writer::{Door, Jobs};

/// The door to everything durable. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    door: Door,
    readers: Readers,
    pepper: Pepper,
    manners: Arc<Manners>,
}

/// One entry of a message's event list, as it was committed.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) message: MessageId,
    pub(crate) event: Event,
}

/// What the disk or the file did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the disk is full: free some space; nothing was written")]
    Full,
    #[error(
        "the disk under the database cannot be written; nothing was written: mount it for writing, or mend it"
    )]
    ReadOnly,
    #[error(
        "the database is damaged ({0}); stop the gateway, keep the file, and put a backup in its place: cellpost restore FILE"
    )]
    Damaged(String),
    #[error("the question took longer than {0:?} and was given up")]
    TooSlow(std::time::Duration),
    #[error("the disk failed at COMMIT: whether the last write holds is read again from the file")]
    OutcomeUnknown,
    #[error("the store is closed")]
    Closed,
    #[error("the file is not a SQLite database: move it away or correct database.path")]
    NotADatabase,
    #[error("the database belongs to another program: correct database.path")]
    Foreign,
    #[error("the database was written by a newer version of cellpost: install that one")]
    NewerVersion,
    #[error("the database could not be brought to this version's schema: {0}")]
    Migration(String),
    #[error("the database cannot be opened: {0}")]
    CannotOpen(String),
    #[error("a row of the database holds what no version wrote: {0}")]
    Corrupt(String),
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    #[error("a thread of the store could not be started: {0}")]
    Thread(std::io::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged(error.to_string()),
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::CannotOpen) => Self::CannotOpen(error.to_string()),
            _ => Self::Sqlite(error),
        }
    }
}

impl Store {
    /// Opens or creates the database at `path` and starts its threads.
    ///
    /// # Errors
    /// When the file is no database, is from a newer version, or cannot be read or written.
    pub(crate) fn open(path: &Path, pepper: Pepper) -> Result<(Self, StoreThreads), StoreError> {
        check::length(path)?;
        let mut connection = open_for_writing(path)?;
        check::ends(&connection)?;
        migrate::to_latest(&mut connection)?;
        let waiting = Waiting::default();
        waiting.count(&connection)?;
        drop(connection);
        let (door, threads) = writer::start(path, waiting)?;
        let store = Self {
            door,
            readers: Readers::new(path),
            pepper,
            manners: Arc::new(Manners::default()),
        };
        Ok((store, threads))
    }

    /// The same store, keeping to these.
    #[must_use]
    pub(crate) fn keeping(self, manners: Manners) -> Self {
        Self {
            manners: Arc::new(manners),
            ..self
        }
    }

    /// Steps of messages from now on, each after its COMMIT. A listener that lags misses some.
    pub(crate) fn steps(&self) -> broadcast::Receiver<Step> {
        self.door.steps.subscribe()
    }

    /// Batches that are over from now on, each after its COMMIT. A listener that lags misses some.
    pub(crate) fn batch_steps(&self) -> broadcast::Receiver<BatchStep> {
        self.door.batches.subscribe()
    }

    pub(crate) fn pepper(&self) -> &Pepper {
        &self.pepper
    }

    /// Returns when everything that was handed to the writer before is committed, or was refused by the disk.
    pub(crate) async fn caught_up(&self) {
        let (job, receipt) = writer::job(|_| Ok(()));
        self.door.submit(vec![job]).await;
        // What the disk refused is known to whoever handed it over.
        let _ = receipt.committed().await;
    }

    /// Begins a group: its writes commit in one transaction unless the disk fails under it, each in a
    /// savepoint of its own.
    pub(crate) fn group(&self) -> Group<'_> {
        Group {
            store: self,
            jobs: Vec::new(),
        }
    }
}

/// Writes that go to the writer together.
pub(crate) struct Group<'a> {
    store: &'a Store,
    jobs: Jobs,
}

impl Group<'_> {
    /// Hands the group over; waits only while the writer's queue is full.
    pub(crate) async fn submit(self) {
        self.store.door.submit(self.jobs).await;
    }
}

/// Opens with everything that a writing connection needs. WAL and `synchronous=FULL`: a COMMIT that was
/// answered survives a power cut.
fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // A WAL that has grown behind a long question or a backup is cut again when it is written from its beginning.
    connection.pragma_update(None, "journal_size_limit", wal::LARGEST_IDLE)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is blanked is overwritten, not merely unlinked (semantics §7).
    connection.pragma_update(None, "secure_delete", true)?;
    // 2 MiB.
    connection.pragma_update(None, "cache_size", -2048)?;
    // The copies of pages that a savepoint keeps: else a file is made and deleted for each.
    connection.pragma_update(None, "temp_store", "memory")?;
    plan_once(&connection)?;
    // A CHECK with IN builds its list as a table for each row that is inserted: five of them per message. Every word
    // that is written comes out of an enum, and debug builds, the tests among them, check each.
    let spared = !cfg!(debug_assertions);
    connection.pragma_update(None, "ignore_check_constraints", spared)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    wal::count_pages(&connection);
    Ok(connection)
}

/// A statement is compiled once, whatever is bound to it: else SQLite compiles one with `LIMIT :limit` anew each time it
/// runs, in case another plan fits another limit.
fn plan_once(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[cfg(test)]
mod tests;
