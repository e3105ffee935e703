//! Tells that something may have been plugged in or pulled: a hint to scan again, never what it was.

use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt;
use inotify::{EventStream, Inotify, WatchDescriptor, WatchMask};
use tokio::time::Sleep;

use super::Roots;

/// Watches `/dev` and the folders of `/dev/bus/usb`. Nothing is polled.
pub(crate) struct Watch {
    changes: EventStream<[u8; 4096]>,
    dev: PathBuf,
    /// The watch of `/dev` itself, where hundreds of nodes come that are no modem's.
    of_dev: WatchDescriptor,
    /// Something has come or gone, and the rest of it is given time.
    rest: Option<Pin<Box<Sleep>>>,
}

/// From a change to the word: a stick brings ten nodes within some milliseconds, and one look sees them all.
const GATHER: Duration = Duration::from_millis(200);

impl Watch {
    /// # Errors
    /// When inotify is not to be had, or `/dev` does not exist.
    pub(crate) fn new(roots: &Roots) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let mut watches = inotify.watches();
        let of_dev = watches.add(&roots.dev, mask())?;
        let watch = Self {
            changes: inotify.into_event_stream([0; 4096])?,
            dev: roots.dev.clone(),
            of_dev,
            rest: None,
        };
        watch.follow_buses();
        Ok(watch)
    }

    /// Returns when something has come or gone since the last return. What happens between two calls is not missed, nor what
    /// happened before a call was given up.
    pub(crate) async fn changed(&mut self) {
        if self.rest.is_none() {
            next(&mut self.changes, &self.of_dev).await;
        }
        // The rest of the same stick; a stick that never rests is looked at all the same.
        let rest = self
            .rest
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(GATHER)));
        loop {
            tokio::select! {
                biased;
                () = &mut *rest => break,
                () = next(&mut self.changes, &self.of_dev) => {}
            }
        }
        self.rest = None;
        // A bus that came, or a folder that was made anew: watched from now on, before the caller looks.
        self.follow_buses();
    }

    /// Adds what is not watched yet; inotify knows the others again.
    fn follow_buses(&self) {
        let mut watches = self.changes.watches();
        let buses = self.dev.join("bus/usb");
        let folders = std::fs::read_dir(&buses).into_iter().flatten().flatten();
        for folder in [self.dev.join("bus"), buses]
            .into_iter()
            .chain(folders.map(|entry| entry.path()))
            .filter(|folder| folder.is_dir())
        {
            // One that vanishes meanwhile is nothing to watch.
            let _ = watches.add(&folder, mask());
        }
    }
}

async fn next(changes: &mut EventStream<[u8; 4096]>, of_dev: &WatchDescriptor) {
    loop {
        match changes.next().await {
            Some(Ok(event)) => {
                let name = event.name.as_deref().unwrap_or_default();
                let name = name.to_string_lossy();
                if event.wd != *of_dev || concerns(&name) {
                    return;
                }
            }
            // The watch itself is broken: whoever waits is told nothing more.
            Some(Err(_)) | None => pending().await,
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("dev", &self.dev)
            .finish_non_exhaustive()
    }
}

fn mask() -> WatchMask {
    WatchMask::CREATE | WatchMask::MOVED_TO | WatchMask::DELETE | WatchMask::MOVED_FROM
}

/// Whether a node in `/dev` can be a modem's.
fn concerns(name: &str) -> bool {
    let begins = ["ttyUSB", "ttyACM", "cdc-wdm", "bus", "serial", "modem"];
    begins.iter().any(|start| name.starts_with(start))
}
