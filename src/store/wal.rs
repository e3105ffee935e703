//! Keeps the WAL small: when it is copied into the database, and by whom.
//!
//! A thread of its own does it in the background, the writer itself only when that thread does not keep up. Neither waits
//! for a reader. Who asks: the writer, after each COMMIT. What is never done here: a write of anybody's data.

use std::cell::Cell;
use std::path::Path;
use std::sync::mpsc as bell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tracing::warn;

/// Pages in the WAL from which on it is copied, in the background (4 MiB). Then it is written from its beginning again: a
/// sync of blocks that exist costs less than one of a file that grows.
const COPIED_FROM: i32 = 1_000;
/// The same while so much is written that those pages came within [`HASTE`] (16 MiB): a page that is changed again and
/// again is then copied once rather than four times.
const COPIED_FROM_IN_HASTE: i32 = 4_000;
const HASTE: Duration = Duration::from_secs(1);
/// Pages from which on the writer does it itself (20 MiB): under load the other thread never sees the end of a WAL that
/// grows meanwhile, and has left it little to do.
const COPIED_BY_WRITER: i32 = 5_000;
/// Pages from which on the writer waits for the other thread, however long that takes, and copies what is left (64 MiB): a
/// disk that is slower than the writes must not let it grow for ever.
pub(super) const COPIED_AT_LAST: i32 = 16_000;

/// Octets: as much as it has when nothing holds it up, and a group more.
pub(super) const LARGEST_IDLE: i64 = 24 << 20;

thread_local! {
    /// What the WAL hook of this thread's connection last said.
    static PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Remembers how long the WAL is; to be set on the writer's connection.
pub(super) fn count_pages(connection: &Connection) {
    connection.wal_hook(Some(|_, pages| {
        PAGES.set(pages);
        Ok(())
    }));
}

/// What is to be done about a WAL of so many pages.
#[derive(Debug, PartialEq, Eq)]
enum Care {
    None,
    /// The other thread copies it.
    Ring,
    /// The writer copies it, unless the other thread is at it.
    Copy,
    /// The writer copies it, when the other thread is done.
    WaitAndCopy,
}

/// How the WAL grew since it was last written from its beginning.
#[derive(Debug)]
struct Growth {
    began: Instant,
    /// At the last look.
    pages: i32,
    /// It took longer than [`HASTE`] to come to [`COPIED_FROM`].
    is_slow: bool,
    /// Pages from which on the writer copies it itself.
    writer_from: i32,
}

impl Growth {
    fn new(now: Instant) -> Self {
        Self {
            began: now,
            pages: 0,
            is_slow: false,
            writer_from: COPIED_BY_WRITER,
        }
    }

    fn care(&mut self, pages: i32, now: Instant) -> Care {
        if pages < self.pages {
            // It is written from its beginning again.
            *self = Self::new(now);
        }
        if pages >= COPIED_FROM && self.pages < COPIED_FROM {
            self.is_slow = now.saturating_duration_since(self.began) > HASTE;
        }
        self.pages = pages;
        let ring_from = match self.is_slow {
            true => COPIED_FROM,
            false => COPIED_FROM_IN_HASTE,
        };
        match pages {
            _ if pages >= self.writer_from && pages >= COPIED_AT_LAST => Care::WaitAndCopy,
            _ if pages >= self.writer_from => Care::Copy,
            _ if pages >= ring_from => Care::Ring,
            _ => Care::None,
        }
    }

    /// A question or a backup may hold the WAL and leave it as long as it is: it is tried again when it has grown by as
    /// much again.
    fn copied(&mut self) {
        self.writer_from = self.pages.saturating_add(COPIED_BY_WRITER);
    }
}

/// The writer's half.
pub(super) struct WalCare {
    growth: Growth,
    bell: bell::SyncSender<()>,
    /// Held by the other thread while it copies the WAL.
    copying: Arc<Mutex<()>>,
}

/// The other thread's half.
pub(super) struct Copier {
    rung: bell::Receiver<()>,
    copying: Arc<Mutex<()>>,
}

pub(super) fn care() -> (WalCare, Copier) {
    // One ring is enough: the other thread copies all there is.
    let (bell, rung) = bell::sync_channel(1);
    let copying = Arc::new(Mutex::new(()));
    let care = WalCare {
        growth: Growth::new(Instant::now()),
        bell,
        copying: Arc::clone(&copying),
    };
    (care, Copier { rung, copying })
}

impl WalCare {
    /// To be called after each COMMIT, on the writer's thread.
    pub(super) fn keep_small(&mut self, connection: &Connection) {
        let _others_turn = match self.growth.care(PAGES.get(), Instant::now()) {
            Care::None => return,
            Care::Ring => {
                // A full bell has been rung already.
                let _ = self.bell.try_send(());
                return;
            }
            Care::Copy => None,
            Care::WaitAndCopy => Some(self.copying.lock().unwrap_or_else(PoisonError::into_inner)),
        };
        match copy(connection) {
            // The other thread is at it: again after the next group.
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => warn!(%error, "the WAL could not be copied into the database"),
        }
        self.growth.copied();
    }
}

/// So long the other thread keeps its connection after a copy. One costs 0.2 MB of memory, for the schema that SQLite reads
/// with it, and an idle gateway has nothing to copy.
const KEPT_OPEN: Duration = Duration::from_secs(10);

impl Copier {
    /// Runs until the writer is gone.
    pub(super) fn run(self, path: &Path) {
        while self.rung.recv().is_ok() {
            match super::open_for_writing(path) {
                Ok(connection) => self.copy_while_rung(&connection),
                // The writer does it itself when the WAL has grown further.
                Err(error) => warn!(%error, "the WAL could not be opened to copy it"),
            }
        }
    }

    /// Copies once for the ring that was heard, and for each that follows.
    fn copy_while_rung(&self, connection: &Connection) {
        loop {
            let turn = self.copying.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = copy(connection) {
                warn!(%error, "the WAL could not be copied into the database");
            }
            drop(turn);
            if self.rung.recv_timeout(KEPT_OPEN).is_err() {
                return;
            }
        }
    }
}

/// Copies as much of the WAL as nobody holds, and waits for nobody. `false`: somebody else is copying it.
fn copy(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let busy: bool =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(0))?;
    Ok(!busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done about each of these lengths, one group of the writer after the other, so much time apart.
    fn cared(apart: Duration, lengths: impl IntoIterator<Item = i32>) -> Vec<Care> {
        let start = Instant::now();
        let mut growth = Growth::new(start);
        let times = (0..).map(|group| start + apart * group);
        lengths
            .into_iter()
            .zip(times)
            .map(|(pages, now)| growth.care(pages, now))
            .collect()
    }

    fn first(care: &Care, apart: Duration) -> i32 {
        let found = cared(apart, 0..20_000).iter().position(|done| done == care);
        i32::try_from(found.unwrap()).unwrap()
    }

    #[test]
    fn it_is_copied_early_while_little_is_written_and_late_in_haste() {
        assert_eq!(first(&Care::Ring, Duration::from_millis(2)), COPIED_FROM);
        let hasty = first(&Care::Ring, Duration::from_micros(100));
        assert_eq!(hasty, COPIED_FROM_IN_HASTE);
    }

    #[test]
    fn the_writer_copies_only_what_the_other_thread_did_not() {
        let apart = Duration::from_micros(100);
        assert_eq!(first(&Care::Copy, apart), COPIED_BY_WRITER);
        assert_eq!(first(&Care::WaitAndCopy, apart), COPIED_AT_LAST);
    }

    #[test]
    fn each_beginning_is_judged_by_itself() {
        let start = Instant::now();
        let mut growth = Growth::new(start);
        let later = start + HASTE * 2;
        assert_eq!(growth.care(COPIED_FROM, later), Care::Ring);
        assert_eq!(growth.care(10, later), Care::None);
        assert_eq!(growth.care(COPIED_FROM, later), Care::None);
        assert_eq!(growth.care(COPIED_FROM_IN_HASTE, later), Care::Ring);
    }

    #[test]
    fn a_wal_that_somebody_holds_is_not_tried_after_every_group() {
        let now = Instant::now();
        let mut growth = Growth::new(now);
        assert_eq!(growth.care(COPIED_BY_WRITER, now), Care::Copy);
        growth.copied();
        assert_eq!(growth.care(COPIED_BY_WRITER + 1, now), Care::Ring);
        assert_eq!(growth.care(2 * COPIED_BY_WRITER, now), Care::Copy);
    }
}
