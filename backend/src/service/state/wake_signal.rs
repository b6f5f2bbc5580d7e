//! The signal to look into the queue.

use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes the scheduler when a deployment may be ready to claim.
#[derive(Clone, Debug, Default)]
pub(crate) struct WakeSignal {
    notify: Arc<Notify>,
}

impl WakeSignal {
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Waits for the next wake-up; one that came before counts.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}
