//! A copy of the database, made while it is written to.
//!
//! The copy is what was committed at one moment. It is made in small steps with a pause after each, so that the disk is
//! never kept from a COMMIT for long; writers do not wait for it, and it does not wait for them. A copy appears under
//! its name only when it is whole, has been read back in full, and is on the disk: so each backup is at once a check of
//! every page.
//!
//! What is sealed stays sealed in it: the pepper and the keys are files of their own, and not part of a backup.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, named_params};

use super::message::cancel;
use super::row::word;
use super::writer::{Work, job};
use super::{Store, StoreError, check, migrate};
use crate::domain::{MessageId, UnixMillis};

/// Pages of one step: a quarter of a megabyte.
const STEP: i32 = 64;
/// After a step the disk is left alone for this long at least, and as long as the step took at most.
const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("{path}: there is a file already; name another, or move it away")]
    Exists { path: PathBuf },
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error("{path}: {error}")]
    Store { path: PathBuf, error: StoreError },
    #[error("it was stopped before it was whole; nothing is left of it")]
    Stopped,
}

/// What becomes of messages that waited when a backup was made: they may have been sent since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Restored {
    /// They are sent, and say that they may be duplicates.
    SentAgain,
    Canceled,
}

/// Messages looked at in one transaction.
const AT_ONCE: i64 = 500;

impl Store {
    /// To be called once on a database that was restored, before anything is sent from it. Answers how many messages
    /// waited in it.
    pub(crate) async fn after_restore(
        &self,
        line: Restored,
        at: UnixMillis,
    ) -> Result<u64, StoreError> {
        let (mut all, mut last) = (0, 0);
        loop {
            let (job, receipt) = job(move |work| settle(work, line, last, at));
            self.door.submit(vec![job]).await;
            let (count, newest) = receipt.committed().await?;
            if count == 0 {
                return Ok(all);
            }
            (all, last) = (all + count, newest);
        }
    }
}

/// The next few that wait, behind `last`: how many, and the last of them.
fn settle(
    work: &mut Work<'_>,
    line: Restored,
    last: i64,
    at: UnixMillis,
) -> Result<(u64, i64), StoreError> {
    let waiting = waiting(work, last)?;
    for (seq, id) in &waiting {
        match line {
            Restored::SentAgain => {
                work.db
                    .prepare_cached("UPDATE message SET may_be_duplicate = 1 WHERE seq = :seq")?
                    .execute(named_params! { ":seq": seq })?;
            }
            Restored::Canceled => {
                cancel(work, id, None, at)?;
            }
        }
    }
    let newest = waiting.last().map_or(last, |(seq, _)| *seq);
    Ok((waiting.len() as u64, newest))
}

fn waiting(work: &Work<'_>, last: i64) -> Result<Vec<(i64, MessageId)>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT seq, id
           FROM message
          WHERE state IN ('scheduled', 'queued') AND seq > :last
          ORDER BY seq
          LIMIT :limit",
    )?;
    let mut rows = statement.query(named_params! { ":last": last, ":limit": AT_ONCE })?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.push((row.get("seq")?, word(row, "id")?));
    }
    Ok(waiting)
}

/// Copies the database at `from` to the new file `to`. `progress` is told after each step how much of it is there;
/// `stopped` is asked all the time.
///
/// # Errors
/// When either cannot be read or written, the copy is not sound, or it was stopped. Nothing is left at `to` then.
pub(crate) fn back_up(
    from: &Path,
    to: &Path,
    mut progress: impl FnMut(f64),
    stopped: impl Fn() -> bool + Send + 'static,
) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists { path: to.into() });
    }
    let unfinished = beside(to, ".part");
    let made = copy(from, &unfinished, &mut progress, &stopped)
        .and_then(|()| sound(&unfinished, stopped))
        .and_then(|()| put_in_place(&unfinished, to));
    if made.is_err() {
        forget(&unfinished);
    }
    made
}

/// Puts the backup `from` in the place of the database at `to`, whose file is kept as `aside`. Nobody may have the
/// database open.
///
/// # Errors
/// When the backup is not sound or of a later version, or a file cannot be written; the database is as it was then.
pub(crate) fn restore(from: &Path, to: &Path, aside: &Path) -> Result<(), BackupError> {
    if !from.is_file() {
        return Err(BackupError::File {
            path: from.into(),
            error: io::ErrorKind::NotFound.into(),
        });
    }
    let unfinished = beside(to, ".restored");
    forget(&unfinished);
    let made =
        copy(from, &unfinished, &mut |_| (), &|| false).and_then(|()| sound(&unfinished, || false));
    if made.is_err() {
        forget(&unfinished);
        return made;
    }
    let failed = |error| BackupError::File {
        path: to.into(),
        error,
    };
    // A WAL belongs to its database: left behind, it would be played into the other one.
    for tail in ["-wal", "-shm"] {
        rename_if_there(&beside(to, tail), &beside(aside, tail)).map_err(failed)?;
    }
    rename_if_there(to, aside).map_err(failed)?;
    put_in_place(&unfinished, to)
}

/// One moment of `from`, in `to`.
fn copy(
    from: &Path,
    to: &Path,
    progress: &mut impl FnMut(f64),
    stopped: &impl Fn() -> bool,
) -> Result<(), BackupError> {
    let failed = |error: rusqlite::Error| BackupError::Store {
        path: from.into(),
        error: error.into(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(failed)?;
    // Held to the end: without it each COMMIT of another connection would begin the copy anew.
    source.execute_batch("BEGIN").map_err(failed)?;
    migrate::refuse_unknown(&source).map_err(|error| BackupError::Store {
        path: from.into(),
        error,
    })?;
    new_file(to).map_err(|error| BackupError::File {
        path: to.into(),
        error,
    })?;
    let mut target = Connection::open(to).map_err(failed)?;
    // Nobody else sees this file, and it is synced as a whole before it gets its name.
    target
        .pragma_update(None, "synchronous", "off")
        .map_err(failed)?;
    let backup = Backup::new(&source, &mut target).map_err(failed)?;
    loop {
        let began = Instant::now();
        if backup.step(STEP).map_err(failed)? == StepResult::Done {
            return Ok(());
        }
        let far = backup.progress();
        progress(1.0 - f64::from(far.remaining) / f64::from(far.pagecount.max(1)));
        if stopped() {
            return Err(BackupError::Stopped);
        }
        std::thread::sleep(began.elapsed().clamp(SHORTEST_PAUSE, LONGEST_PAUSE));
    }
}

/// Steps of SQLite's machine between two looks at whether it is stopped.
const LOOK_EVERY: i32 = 100_000;

/// Reads every page of a finished copy.
fn sound(copy: &Path, stopped: impl Fn() -> bool + Send + 'static) -> Result<(), BackupError> {
    let read = || {
        let connection = Connection::open(copy)?;
        connection.progress_handler(LOOK_EVERY, Some(stopped))?;
        // A file of its own, whole without a WAL beside it.
        connection.pragma_update(None, "journal_mode", "delete")?;
        check::every_page(&connection)
    };
    read().map_err(|error| match error {
        StoreError::Sqlite(error)
            if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
        {
            BackupError::Stopped
        }
        error => BackupError::Store {
            path: copy.into(),
            error,
        },
    })
}

/// What a copy that did not come to its end leaves.
fn forget(unfinished: &Path) {
    for tail in ["", "-journal", "-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(unfinished, tail));
    }
}

fn put_in_place(unfinished: &Path, to: &Path) -> Result<(), BackupError> {
    let put = || {
        File::open(unfinished)?.sync_all()?;
        std::fs::rename(unfinished, to)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    };
    put().map_err(|error| BackupError::File {
        path: to.into(),
        error,
    })
}

/// For its owner only, whatever the umask says: it holds numbers and texts.
fn new_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).map(drop)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn beside(path: &Path, tail: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(tail);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(folder: &Path) -> PathBuf {
        let path = folder.join("cellpost.db");
        let mut connection = super::super::open_for_writing(&path).unwrap();
        migrate::to_latest(&mut connection).unwrap();
        fill(&connection);
        path
    }

    fn fill(connection: &Connection) {
        connection
            .execute_batch(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO idempotency (scope, body_mac, status, answer, created_at)
                 SELECT randomblob(32), randomblob(32), 202, hex(randomblob(200)), i FROM n",
            )
            .unwrap();
    }

    fn rows(path: &Path) -> i64 {
        let connection = Connection::open(path).unwrap();
        connection
            .query_row("SELECT COUNT(*) FROM idempotency", [], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_backup_is_one_moment_of_a_database_that_is_written_to_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (database(folder.path()), folder.path().join("copy.db"));
        let writer = super::super::open_for_writing(&from).unwrap();
        let mut writes = 0;
        let write = |_| {
            writer
                .execute_batch(
                    "INSERT INTO idempotency (scope, body_mac, status, answer, created_at)
                     VALUES (randomblob(32), randomblob(32), 202, '', 0)",
                )
                .unwrap();
            writes += 1;
        };
        back_up(&from, &to, write, || false).unwrap();
        assert!(writes > 3, "it was made in {writes} steps");
        assert_eq!(rows(&to), 3000);
        assert_eq!(rows(&from), 3000 + writes);
        assert!(!beside(&to, ".part").exists());
    }

    #[test]
    fn a_backup_that_is_stopped_or_that_would_replace_a_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (database(folder.path()), folder.path().join("copy.db"));
        let stopped = back_up(&from, &to, |_| (), || true);
        assert!(matches!(stopped, Err(BackupError::Stopped)), "{stopped:?}");
        let names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().starts_with("copy"))
            .collect();
        assert!(names.is_empty(), "{names:?}");
        std::fs::write(&to, "mine").unwrap();
        let refused = back_up(&from, &to, |_| (), || false);
        assert!(matches!(refused, Err(BackupError::Exists { .. })));
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    }

    #[test]
    fn a_damaged_page_is_found_by_the_backup_and_the_copy_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (database(folder.path()), folder.path().join("copy.db"));
        check::tests::damage_the_middle(&from);
        let refused = back_up(&from, &to, |_| (), || false);
        let said = refused.unwrap_err().to_string();
        assert!(said.contains("damaged"), "{said}");
        assert!(!to.exists());
    }

    #[test]
    fn a_restored_database_is_the_backup_and_the_old_one_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (live, copy) = (database(folder.path()), folder.path().join("copy.db"));
        back_up(&live, &copy, |_| (), || false).unwrap();
        let later = super::super::open_for_writing(&live).unwrap();
        fill(&later);
        // As after a power cut: the WAL is still there.
        std::mem::forget(later);
        let aside = folder.path().join("old.db");
        restore(&copy, &live, &aside).unwrap();
        assert_eq!(rows(&live), 3000);
        assert_eq!(rows(&aside), 6000);
    }

    #[test]
    fn what_is_no_backup_is_not_restored() {
        let folder = tempfile::tempdir().unwrap();
        let live = database(folder.path());
        let (other, aside) = (folder.path().join("other"), folder.path().join("old.db"));
        std::fs::write(&other, "Dear diary").unwrap();
        assert!(restore(&other, &live, &aside).is_err());
        assert!(restore(&folder.path().join("none"), &live, &aside).is_err());
        assert_eq!(rows(&live), 3000);
        assert!(!aside.exists());
    }
}
