//! Whether the gateway lives, and whether it can do its work (http-api.md G9).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, header};
use serde::Serialize;

use super::Gate;
use super::answer::{shown, with_status};
use super::auth::Caller;
use super::error::ApiError;
use crate::domain::{MessageId, ModemState, UnixMillis};

#[derive(Debug, Serialize)]
struct LivesJson {
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct ReadyJson {
    status: &'static str,
    checks: ChecksJson,
}

/// Each `ok`, or what is wrong in words for a person.
#[derive(Debug, Serialize)]
struct ChecksJson {
    database: String,
    modems: String,
    routes: String,
}

#[derive(Debug, Serialize)]
struct VersionJson {
    name: &'static str,
    version: &'static str,
}

const OK: &str = "ok";
/// Seconds after which a gateway that is not ready is worth another question.
const ASK_AGAIN: u64 = 5;

/// `GET /healthz`: answers while the process serves.
pub(super) async fn lives() -> Response {
    shown(&LivesJson { status: OK })
}

/// `GET /readyz`: 200 while a message would be accepted and could leave.
pub(super) async fn ready(State(gate): State<Gate>) -> Response {
    let database = gate.database().await;
    let fleet = gate.fleet();
    let ready = fleet
        .iter()
        .filter(|modem| modem.state == ModemState::Ready)
        .count();
    let modems = match (fleet.len(), ready) {
        (0, _) => "no modem is configured".into(),
        (all, ready) if all == ready => OK.into(),
        (all, ready) => format!("{ready} of {all} ready"),
    };
    let routes = match ready {
        0 => "no route can be used: no modem is ready",
        _ => OK,
    };
    let is_ready = database == OK && ready > 0 && !gate.is_closing();
    let (code, status) = match is_ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not_ready"),
    };
    let checks = ChecksJson {
        database: database.into(),
        modems,
        routes: routes.into(),
    };
    let mut answer = with_status(code, &ReadyJson { status, checks });
    if !is_ready {
        let headers = answer.headers_mut();
        headers.insert(header::RETRY_AFTER, ASK_AGAIN.into());
    }
    answer
}

/// `GET /version`
pub(super) async fn version(_caller: Caller) -> Result<Response, ApiError> {
    let version = VersionJson {
        name: "cellpost",
        version: env!("CARGO_PKG_VERSION"),
    };
    Ok(shown(&version))
}

impl Gate {
    async fn database(&self) -> &'static str {
        if self.is_closing() {
            return "shutting down";
        }
        if !self.0.disk.has_room() {
            return "less space is free than database.min_free_bytes";
        }
        if self.0.disk.failed_lately(self.now()) {
            return "the last write failed";
        }
        // No such message was ever: the question costs a look at an index, and finds out whether there is a file.
        let readable = match MessageId::parse("MSG_0") {
            Some(nobody) => self.store().message(nobody, None).await.is_ok(),
            None => true,
        };
        if readable {
            OK
        } else {
            "the database cannot be read"
        }
    }
}

/// The disk under the database.
#[derive(Debug)]
pub(super) struct Disk {
    folder: PathBuf,
    min_free: u64,
    /// Unix milliseconds of the last write that failed; 0 once one succeeded.
    failed_at: AtomicI64,
    /// When it was last seen to have room.
    had_room: Mutex<Option<Instant>>,
}

/// A failed write counts against readiness this long: who is not ready is sent nothing that could succeed.
const FAILURE_COUNTS: Duration = Duration::from_secs(30);
/// So long room that was seen is believed in: at 12,000 accepts a second it shrinks by some 15 MB meanwhile, and asking
/// the file system each time costs 2 % of an accept. A full disk is asked each time, so that it is used again at once.
const ROOM_LASTS: Duration = Duration::from_millis(100);

impl Disk {
    pub(super) fn new(database: &Path, min_free: u64) -> Self {
        Self {
            folder: database.parent().unwrap_or(database).to_owned(),
            min_free,
            failed_at: AtomicI64::new(0),
            had_room: Mutex::new(None),
        }
    }

    /// A disk that cannot be asked is not said to be full: the write itself will tell.
    pub(super) fn has_room(&self) -> bool {
        let mut had_room = self.had_room.lock().unwrap_or_else(PoisonError::into_inner);
        if had_room.is_some_and(|seen| seen.elapsed() < ROOM_LASTS) {
            return true;
        }
        let has_room = rustix::fs::statvfs(&self.folder).map_or(true, |disk| {
            disk.f_bavail.saturating_mul(disk.f_frsize) >= self.min_free
        });
        *had_room = has_room.then(Instant::now);
        has_room
    }

    /// Takes note of how a write went.
    pub(super) fn wrote(&self, well: bool, now: UnixMillis) {
        let failed_at = if well { 0 } else { now.0 };
        self.failed_at.store(failed_at, Ordering::Relaxed);
    }

    fn failed_lately(&self, now: UnixMillis) -> bool {
        match self.failed_at.load(Ordering::Relaxed) {
            0 => false,
            at => now.since(UnixMillis(at)) < FAILURE_COUNTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_is_forgotten_by_a_good_one_or_in_time() {
        let disk = Disk::new(Path::new("/tmp/cellpost.db"), 0);
        let (then, soon, later) = (UnixMillis(1_000), UnixMillis(2_000), UnixMillis(32_000));
        assert!(!disk.failed_lately(then));
        disk.wrote(false, then);
        assert!(disk.failed_lately(soon));
        assert!(!disk.failed_lately(later));
        disk.wrote(true, soon);
        assert!(!disk.failed_lately(soon));
    }

    #[test]
    fn a_disk_with_less_than_the_least_has_no_room() {
        assert!(Disk::new(Path::new("/tmp/cellpost.db"), 0).has_room());
        assert!(!Disk::new(Path::new("/tmp/cellpost.db"), u64::MAX).has_room());
        assert!(Disk::new(Path::new("/no/such/folder/cellpost.db"), u64::MAX).has_room());
    }
}
