//! Whether this node can do its work.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::data_dir::DataDir;
use super::lease::{NodeLease, WRITTEN_WITHIN};
use crate::causes::Causes;
use crate::service::state::stop_signal::StopSignal;
use crate::store::{DeploymentId, LeaseState, Store};

/// Longest time to read from the store; if it takes longer, the service is not ready.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// How long the last result of a write is reused: frequent probes don't write more often than this.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Checks whether the store and the data directory can be read and written, and deployments are claimed.
pub(crate) struct Readiness {
    store: Arc<dyn Store>,
    data_dir: Arc<DataDir>,
    node_lease: Arc<NodeLease>,
    stop: StopSignal,
    /// Whether the store could write, and when that was checked.
    last_write: Mutex<Option<(Instant, bool)>>,
}

impl Readiness {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        data_dir: Arc<DataDir>,
        node_lease: Arc<NodeLease>,
        stop: StopSignal,
    ) -> Self {
        Self {
            store,
            data_dir,
            node_lease,
            stop,
            last_write: Mutex::default(),
        }
    }

    /// Returns whether the node is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let read = timeout(READ_WITHIN, self.store.deployment(DeploymentId::new())).await;
        let can_read = matches!(read, Ok(Ok(_)));
        let is_stopping = self.stop.is_stopping();
        let can_store = self.data_dir.can_store_deployments();
        can_read && !is_stopping && can_store && self.can_write().await
    }

    /// Returns whether the store accepts writes, by a write that reaches the disk. Runs one check at a time, and at
    /// most one a second.
    async fn can_write(&self) -> bool {
        let mut last = self.last_write.lock().await;
        if let Some((at, can_write)) = *last
            && at.elapsed() < PROBE_EVERY
        {
            return can_write;
        }
        let can_write = match timeout(WRITTEN_WITHIN, self.node_lease.renew()).await {
            Ok(Ok(LeaseState::Yes)) => true,
            Ok(Ok(LeaseState::Lost)) => false,
            Ok(Err(fault)) => {
                warn!(error = %Causes(&fault), "store not writable");
                false
            }
            Err(_) => {
                warn!("store not writable: no answer in time");
                false
            }
        };
        *last = Some((Instant::now(), can_write));
        can_write
    }
}
