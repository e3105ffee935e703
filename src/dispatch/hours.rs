//! What the wall clock decides: quiet hours of the server (what must rest is not claimed, and its row says so), and that
//! it was set.

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::Dispatch;
use super::commits::Commit;
use crate::domain::UnixMillis;
use crate::store::StoreError;

/// What dispatch knows of them.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// When they were looked at, and when they begin or end next.
    looked: Option<(UnixMillis, Option<UnixMillis>)>,
    /// The store makes what waits fit them.
    is_resting: bool,
}

impl Hours {
    /// When they begin or end.
    pub(super) fn change_at(&self) -> Option<UnixMillis> {
        self.looked.and_then(|(_, change_at)| change_at)
    }

    /// They have begun or ended, or the clock was set back.
    fn are_stale(&self, now: UnixMillis) -> bool {
        self.looked.is_none_or(|(looked_at, change_at)| {
            now < looked_at || change_at.is_some_and(|at| at <= now)
        })
    }
}

/// The wall clock was set when it is this far from where the other clock would have it.
const LARGEST_DRIFT: Duration = Duration::from_secs(60);

impl Dispatch {
    /// Notices that the wall clock was set. The rows have been moved with it; what was read of them before has not.
    pub(super) fn keep_time(&mut self) {
        let (clock, wall) = (Instant::now(), self.now());
        let expected = self.clocks.1.plus(clock - self.clocks.0);
        if wall.since(expected).max(expected.since(wall)) <= LARGEST_DRIFT {
            return;
        }
        self.clocks = (clock, wall);
        self.hours = Hours {
            looked: None,
            ..self.hours
        };
        self.window_is_stale = true;
        self.look_again_at = None;
        for lane in 0..self.lanes.len() {
            self.lanes[lane].last_ready_at = wall;
            self.lanes[lane].forget_usage();
            self.lanes[lane].claimed.clear();
            self.call_back(lane, |_| true);
        }
        self.ask_for_usage();
    }

    /// Looks at the hours when they change, and at the start: they may have changed while nobody looked.
    pub(super) fn keep_hours(&mut self) {
        let now = self.now();
        if self.stopping || self.pause_until.is_some() || !self.hours.are_stale(now) {
            return;
        }
        let change_at = self.settings.curfew.changes_after(now);
        self.hours.looked = Some((now, change_at));
        self.window_is_stale = true;
        self.rest();
    }

    /// What was read from the line and must rest stays there until the store has put it to rest.
    pub(super) fn leave_to_rest(&mut self) {
        let (now, before) = (self.now(), self.window.len());
        let curfew = &self.settings.curfew;
        if !curfew.is_on(now) {
            return;
        }
        self.window
            .retain(|message| curfew.until(message.category, now).is_none());
        if self.window.len() < before {
            self.rest();
        }
    }

    fn rest(&mut self) {
        if std::mem::replace(&mut self.hours.is_resting, true) {
            return;
        }
        let (store, now) = (self.store.clone(), self.now());
        self.commits.push(Box::pin(async move {
            Commit::Rested {
                more: store.keep_quiet(now).await,
            }
        }));
    }

    pub(super) fn on_rested(&mut self, more: Result<bool, StoreError>) {
        self.hours.is_resting = false;
        self.window_is_stale = true;
        match more {
            Ok(true) => self.rest(),
            Ok(false) => {}
            Err(error) => {
                warn!(%error, "what waits could not be put to rest for quiet hours; tried again");
                self.hours.looked = None;
                self.pause();
            }
        }
    }
}
