//! Time that passes as fast as the gateway's real disk and sockets allow.
//!
//! tokio's clock is paused; it is moved in small steps, with a moment of real time in between in which commits and
//! octets on sockets get where they are going. The wall clock moves with it.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use cellpost::domain::UnixMillis;
use tokio::time::Instant;

const STEP: Duration = Duration::from_millis(50);
/// Real time for each step: at most 50 times as fast as the clock on the wall.
const BREATH: Duration = Duration::from_millis(1);

static START: OnceLock<Instant> = OnceLock::new();
/// 2026-01-15T08:00:00Z.
const BASE: i64 = 1_768_464_000_000;

/// The wall clock of every gateway in this test.
pub(crate) fn now() -> UnixMillis {
    let start = *START.get_or_init(Instant::now);
    let passed = Instant::now().saturating_duration_since(start);
    UnixMillis(BASE + i64::try_from(passed.as_millis()).unwrap())
}

/// Lets time pass until `work` is done.
pub(crate) async fn run<T>(work: impl Future<Output = T>) -> T {
    START.get_or_init(Instant::now);
    // As long as a blocking task is outstanding, the clock does not jump by itself.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let parked = tokio::task::spawn_blocking(move || {
        let _ = ended.recv();
    });
    let mut work = pin!(work);
    let value = loop {
        let breath = tokio::task::spawn_blocking(|| std::thread::sleep(BREATH));
        tokio::select! {
            biased;
            value = &mut work => break value,
            _ = breath => tokio::time::advance(STEP).await,
        }
    };
    drop(end);
    parked.await.unwrap();
    value
}
