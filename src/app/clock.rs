//! The gateway's time: the wall clock as it was when it was last looked at, carried on by the clock that counts from the
//! host's start. So it never jumps under anybody's hands. When the wall clock is set, the rows are moved first, and then
//! everybody's time with them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::dispatch::Bell;
use crate::domain::time::jump;
use crate::domain::{Clock, UnixMillis};
use crate::store::{ClockSet, Store, StoreError};
use crate::system::clock::{ClockChanges, boot_id, since_boot};
use crate::usb::Roots;

/// Where time comes from.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) wall: fn() -> UnixMillis,
    /// `None`: the wall clock is taken as it is.
    pub(crate) since_boot: Option<fn() -> Duration>,
    /// Names this run of the host; `None`: nobody does, and what was before is of another one.
    pub(crate) boot: Option<String>,
    /// Where the kernel tells what is plugged in.
    pub(crate) roots: Roots,
}

impl Host {
    pub(crate) fn real() -> Self {
        Self {
            wall: super::wall_clock,
            since_boot: Some(since_boot),
            boot: boot_id(),
            roots: Roots::default(),
        }
    }
}

/// Keeps the gateway's time.
#[derive(Debug)]
pub(super) struct TimeKeeper {
    wall: fn() -> UnixMillis,
    since_boot: fn() -> Duration,
    boot: String,
    /// When the host was started, by the wall clock as it was last looked at.
    booted_at: Arc<AtomicI64>,
    changes: ClockChanges,
    /// Somebody knows that the clock was set.
    told: Arc<Notify>,
}

/// A write that was under way while the clock was set is there after this time.
const STRAGGLERS: Duration = Duration::from_secs(5);
/// After the disk refused.
const AGAIN: Duration = Duration::from_secs(1);

impl TimeKeeper {
    /// The clock for everybody, and its keeper, if it needs one.
    pub(super) fn new(host: Host, told: Arc<Notify>) -> (Clock, Option<Self>) {
        let wall = host.wall;
        let Some(since_boot) = host.since_boot else {
            return (Clock::new(wall), None);
        };
        let changes = ClockChanges::new();
        let booted_at = Arc::new(AtomicI64::new(booted_at(wall, since_boot).0));
        let clock = Clock::new({
            let booted_at = Arc::clone(&booted_at);
            move || UnixMillis(booted_at.load(Ordering::Relaxed)).plus(since_boot())
        });
        let boot = host
            .boot
            .unwrap_or_else(|| format!("unnamed {:016x}", rand::random::<u64>()));
        let keeper = Self {
            wall,
            since_boot,
            boot,
            booted_at,
            changes,
            told,
        };
        (clock, Some(keeper))
    }

    /// Before anything else: the clock may have been set while nobody looked.
    pub(super) async fn begin(&self, store: &Store) -> Result<(), StoreError> {
        let since_boot = (self.since_boot)();
        let set = store
            .know_clock(self.boot.clone(), self.booted_at(), since_boot)
            .await?;
        if let Some(set) = set {
            info!(
                by_ms = set.by,
                "the clock was set since the last start: what waits was moved with it"
            );
        }
        Ok(())
    }

    /// Runs until `stop`.
    pub(super) async fn run(self, store: Store, bell: Bell, stop: CancellationToken) {
        let mut stragglers: Option<(Instant, ClockSet)> = None;
        loop {
            let due = stragglers.map(|(due, _)| due);
            tokio::select! {
                () = self.changes.next() => {}
                () = self.told.notified() => {}
                () = until(due) => {}
                () = stop.cancelled() => return,
            }
            if let Some((_, set)) = stragglers.take() {
                self.move_stragglers(&store, set).await;
            }
            let looked = loop {
                match self.look(&store).await {
                    Ok(set) => break set,
                    Err(error) => {
                        warn!(%error, "the clock was set, and what waits could not be moved yet")
                    }
                }
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => {}
                    () = stop.cancelled() => return,
                }
            };
            stragglers = looked.map(|set| (Instant::now() + STRAGGLERS, set));
            // Also after a sleep of the host, in which timers stand still.
            bell.ring();
        }
    }

    /// First the rows, then everybody's time.
    async fn look(&self, store: &Store) -> Result<Option<ClockSet>, StoreError> {
        let seems = booted_at(self.wall, self.since_boot);
        let set = match jump(self.booted_at(), seems) {
            Some(_) => {
                let since_boot = (self.since_boot)();
                store
                    .know_clock(self.boot.clone(), seems, since_boot)
                    .await?
            }
            None => None,
        };
        self.booted_at.store(seems.0, Ordering::Relaxed);
        if let Some(set) = set {
            info!(
                by_ms = set.by,
                "the clock was set: what waits was moved with it"
            );
        }
        Ok(set)
    }

    async fn move_stragglers(&self, store: &Store, set: ClockSet) {
        let now = self.booted_at().plus((self.since_boot)());
        if let Err(error) = store.move_stragglers(set, now).await {
            warn!(%error, "what was accepted just as the clock was set keeps the old clock's times");
        }
    }

    fn booted_at(&self) -> UnixMillis {
        UnixMillis(self.booted_at.load(Ordering::Relaxed))
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn booted_at(wall: fn() -> UnixMillis, since_boot: fn() -> Duration) -> UnixMillis {
    let up = i64::try_from(since_boot().as_millis()).unwrap_or(i64::MAX);
    UnixMillis(wall().0.saturating_sub(up))
}
