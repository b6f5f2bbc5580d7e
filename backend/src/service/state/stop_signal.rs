//! The signal to stop.

use tokio::sync::watch;

/// Whether the service is stopping: then it claims no more deployments, and store calls are not repeated.
#[derive(Clone, Debug)]
pub(crate) struct StopSignal {
    is_stopping: watch::Sender<bool>,
}

impl Default for StopSignal {
    fn default() -> Self {
        Self {
            is_stopping: watch::Sender::new(false),
        }
    }
}

impl StopSignal {
    pub(crate) fn stop(&self) {
        self.is_stopping.send_replace(true);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.is_stopping.borrow()
    }

    /// Waits until the service is stopping.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.subscribe().wait_for(|is_stopping| *is_stopping).await;
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<bool> {
        self.is_stopping.subscribe()
    }
}
