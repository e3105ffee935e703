//! Forgetting a modem that will not return: who may be asked to, and why it is refused.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::ModemName;

/// Why a modem is not forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CannotForget {
    Unknown,
    /// It is plugged in and has its SIM.
    IsHere,
    /// The disk refused a step; those before it hold.
    Disk,
    /// The gateway stops.
    Stopping,
}

/// Ends what waits for a modem; answers how many messages that were.
#[derive(Clone)]
pub struct Forget(Arc<dyn Fn(ModemName) -> Forgetting + Send + Sync>);

type Forgetting = BoxFuture<'static, Result<usize, CannotForget>>;

impl Forget {
    pub fn new(forget: impl Fn(ModemName) -> Forgetting + Send + Sync + 'static) -> Self {
        Self(Arc::new(forget))
    }

    /// # Errors
    /// [`CannotForget`]
    pub async fn forget(&self, modem: ModemName) -> Result<usize, CannotForget> {
        self.0(modem).await
    }
}

impl fmt::Debug for Forget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Forget(…)")
    }
}
