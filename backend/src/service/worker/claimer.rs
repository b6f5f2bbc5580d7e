//! Claims queued deployments, up to the concurrency limit.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use super::executor::Executor;
use crate::causes::Causes;
use crate::service::node::data_dir::DataDir;
use crate::service::node::lease::NodeLease;
use crate::service::node::session_dirs::SessionDirs;
use crate::service::state::active_deployments::ActiveDeployments;
use crate::service::state::stop_signal::StopSignal;
use crate::store::{Claim, Owner, Store, StoreError};

/// Claims deployments for this node, and executes them.
pub(crate) struct Claimer {
    pub(in crate::service) store: Arc<dyn Store>,
    pub(in crate::service) node_lease: Arc<NodeLease>,
    pub(in crate::service) data_dir: Arc<DataDir>,
    pub(in crate::service) session_dirs: SessionDirs,
    pub(in crate::service) active_deployments: ActiveDeployments,
    pub(in crate::service) executor: Arc<Executor>,
    pub(in crate::service) stop: StopSignal,
    /// Most deployments to run at once.
    pub(in crate::service) concurrency: NonZeroUsize,
    /// How long a claim lasts unless it is renewed.
    pub(in crate::service) lease: Duration,
}

impl Claimer {
    /// Takes over the deployments of this node whose sessions are in its data directory.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn take_over_left(&self) -> Result<Vec<Claim>, StoreError> {
        let node = self.node_lease.name();
        let mut left = Vec::new();
        for (id, session_dir) in self.store.claimed_by(node).await? {
            if let Some(dir) = self.session_dirs.foreign(id, session_dir.as_deref()) {
                error!(
                    deployment = %id,
                    dir = %dir.display(),
                    "deployment not recovered: its directory is not in this data directory"
                );
                continue;
            }
            let taken = self.store.take_over(node, Owner::Own(id), self.lease);
            left.extend(taken.await?);
        }
        Ok(left)
    }

    /// Runs a claimed deployment, in its own task.
    pub(crate) fn execute(&self, claim: Claim) {
        self.executor.execute(claim);
    }

    /// Claims and executes queued deployments while fewer are running than the limit.
    pub(crate) async fn claim_queued(&self) {
        // Also if nothing may be claimed: running deployments need their directories too.
        if !self.data_dir.can_store_deployments() {
            return;
        }
        while self.active_deployments.at_work() < self.concurrency.get()
            && !self.stop.is_stopping()
            && self.node_lease.is_held()
        {
            match self.store.claim(self.node_lease.name(), self.lease).await {
                Ok(Some(claim)) => self.execute(claim),
                Ok(None) => return,
                Err(fault) => {
                    error!(error = %Causes(&fault), "deployment not claimed");
                    return;
                }
            }
        }
    }
}
