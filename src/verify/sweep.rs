//! Closes verifications whose time is over, now and then. Nobody waits for it: a code is dead at its time, swept or not.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::domain::Clock;
use crate::store::Store;

/// Ends when it is told to stop.
pub(crate) async fn sweep(store: Store, every: Duration, clock: Clock, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = stop.cancelled() => return,
        }
        loop {
            match store.close_verifications(clock()).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!(%error, "verifications whose time is over could not be closed");
                    break;
                }
            }
        }
    }
}
