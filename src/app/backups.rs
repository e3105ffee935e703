//! Backups by the clock: `database.backup_dir`, one every `database.backup_every`, the newest few kept.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::wall_clock;
use crate::config::Config;
use crate::store::{BackupError, back_up};

/// A week of days.
const KEPT: usize = 7;
/// A backup that failed is tried again after this long, or at its next time if that is sooner.
const TRY_AGAIN: Duration = Duration::from_secs(3600);

/// What is copied where, and how often.
#[derive(Clone, Debug)]
pub(super) struct Backups {
    database: PathBuf,
    /// `None`: nowhere.
    folder: Option<PathBuf>,
    every: Duration,
}

impl Backups {
    pub(super) fn of(config: &Config) -> Self {
        let folder = config.database.backup_dir.as_ref();
        Self {
            database: config.database_path(),
            folder: folder.map(|folder| config.data_dir.join(folder)),
            every: config.database.backup_every,
        }
    }

    /// Runs until `stop`; a copy under way is given up then.
    pub(super) async fn run(self, stop: CancellationToken) {
        let Some(folder) = self.folder.clone() else {
            return;
        };
        let looked_at = folder.clone();
        // It may be a disk of another machine.
        let newest = tokio::task::spawn_blocking(move || newest_age(&looked_at)).await;
        let mut wait = until_next(newest.unwrap_or_default(), self.every);
        while stop
            .run_until_cancelled(tokio::time::sleep(wait))
            .await
            .is_some()
        {
            let (backups, stop) = (self.clone(), stop.clone());
            let to = folder.clone();
            let made = tokio::task::spawn_blocking(move || backups.make(&to, stop)).await;
            wait = match made {
                Ok(Ok(file)) => {
                    info!(file = %file.display(), "the database was backed up");
                    self.every
                }
                Ok(Err(BackupError::Stopped)) => return,
                Ok(Err(error)) => {
                    error!(%error, "the database was not backed up");
                    TRY_AGAIN.min(self.every)
                }
                Err(error) => {
                    error!(%error, "a backup ended in a panic");
                    TRY_AGAIN.min(self.every)
                }
            };
        }
    }

    fn make(&self, folder: &Path, stop: CancellationToken) -> Result<PathBuf, BackupError> {
        let failed = |error| BackupError::File {
            path: folder.to_owned(),
            error,
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = folder.join(format!("cellpost-{}.db", wall_clock().compact()));
        back_up(&self.database, &file, |_| (), move || stop.is_cancelled())?;
        prune(folder).map_err(failed)?;
        Ok(file)
    }
}

/// How long until the next one is due.
fn until_next(newest_age: Option<Duration>, every: Duration) -> Duration {
    newest_age.map_or(Duration::ZERO, |age| every.saturating_sub(age))
}

fn newest_age(folder: &Path) -> Option<Duration> {
    let newest = ours(folder).ok()?.pop()?;
    let made = std::fs::metadata(newest).ok()?.modified().ok()?;
    // A clock that was set back: the age is not known, and a backup too many does no harm.
    SystemTime::now().duration_since(made).ok()
}

/// Deletes all but the newest.
fn prune(folder: &Path) -> io::Result<()> {
    let all = ours(folder)?;
    for old in &all[..all.len().saturating_sub(KEPT)] {
        std::fs::remove_file(old)?;
    }
    Ok(())
}

/// The backups of this folder, oldest first: their names are their times. Other people's files are not touched.
fn ours(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let time = name
            .strip_prefix("cellpost-")
            .and_then(|rest| rest.strip_suffix(".db"));
        let is_ours =
            time.is_some_and(|time| time.len() == 14 && time.bytes().all(|b| b.is_ascii_digit()));
        if is_ours {
            all.push(path);
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_at_once_when_there_is_none_and_in_time_after_the_last() {
        let day = Duration::from_secs(86_400);
        let hour = Duration::from_secs(3_600);
        assert_eq!(until_next(None, day), Duration::ZERO);
        assert_eq!(until_next(Some(hour), day), 23 * hour);
        assert_eq!(until_next(Some(2 * day), day), Duration::ZERO);
    }

    #[test]
    fn the_seven_newest_are_kept_and_nothing_of_anybody_else_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let touch = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        for day in 10..20 {
            touch(&format!("cellpost-202601{day}000000.db"));
        }
        touch("cellpost-mine.db");
        touch("cellpost-20260101000000.db.part");
        prune(folder.path()).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "cellpost-20260101000000.db.part",
                "cellpost-20260113000000.db",
                "cellpost-20260114000000.db",
                "cellpost-20260115000000.db",
                "cellpost-20260116000000.db",
                "cellpost-20260117000000.db",
                "cellpost-20260118000000.db",
                "cellpost-20260119000000.db",
                "cellpost-mine.db",
            ]
        );
    }
}
