//! The bell: "look again". It carries no work; work is a row.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes dispatch. However often it is rung before dispatch looks, it looks once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }
}
