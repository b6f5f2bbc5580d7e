//! Overwrites deleted secrets in the store.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::error;

use crate::causes::Causes;
use crate::store::Store;

/// Scrubs the store after deployments have ended: nothing of their secrets may remain, although they are encrypted.
#[derive(Clone)]
pub(crate) struct Scrub {
    store: Arc<dyn Store>,
    is_due: Arc<AtomicBool>,
}

impl Scrub {
    /// Creates a scrub that is due: a deployment may have ended in a previous process.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            is_due: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Schedules a scrub after a deployment has ended.
    pub(crate) fn schedule(&self) {
        self.is_due.store(true, Ordering::Relaxed);
    }

    /// Scrubs the store if due. Not at each end: deployments that end together are scrubbed at once.
    pub(crate) async fn run_if_due(&self) {
        if self.is_due.swap(false, Ordering::Relaxed)
            && let Err(fault) = self.store.scrub().await
        {
            self.schedule();
            error!(
                error = %Causes(&fault),
                "database not scrubbed"
            );
        }
    }
}
