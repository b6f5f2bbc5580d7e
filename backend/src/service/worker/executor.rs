//! Runs one claimed deployment to its end.

use std::sync::Arc;

use chrono::Utc;
use iac_runner::session::Reason;
use tracing::{error, info};

use super::no_session::NoSession;
use super::session_opener::SessionOpener;
use super::sync::SessionSync;
use crate::causes::Causes;
use crate::metrics::Metrics;
use crate::service::audit::backfill::{AuditBackfill, Moment};
use crate::service::cleanup::scrub::Scrub;
use crate::service::state::active_deployments::ActiveDeployments;
use crate::service::state::retrying_store::RetryingStore;
use crate::service::state::wake_signal::WakeSignal;
use crate::store::{Claim, Ending, Settlement};

/// Opens the session of a claim, follows it, and stores how the deployment ended.
pub(crate) struct Executor {
    pub(in crate::service) store: RetryingStore,
    pub(in crate::service) opener: SessionOpener,
    pub(in crate::service) sync: SessionSync,
    pub(in crate::service) audit: AuditBackfill,
    pub(in crate::service) active_deployments: ActiveDeployments,
    pub(in crate::service) metrics: Arc<Metrics>,
    pub(in crate::service) scrub: Scrub,
    pub(in crate::service) wake: WakeSignal,
}

impl Executor {
    /// Runs a deployment to its end, in its own task.
    pub(super) fn execute(self: &Arc<Self>, claim: Claim) {
        self.active_deployments.claim(claim.lease.deployment);
        let executor = Arc::clone(self);
        tokio::spawn(async move {
            executor.execute_to_end(&claim).await;
            executor.active_deployments.remove(claim.lease.deployment);
            executor.scrub.schedule();
            executor.wake.wake();
        });
    }

    async fn execute_to_end(&self, claim: &Claim) {
        let id = claim.lease.deployment;
        match self.opener.open(claim).await {
            Ok(session) => {
                info!(deployment = %id, "deployment has a session");
                let completed = self.audit.compare(claim, &session, Moment::TakenUp);
                if completed.await.is_err() {
                    return;
                }
                let stop = self.active_deployments.insert_session(id, session.clone());
                if let Some(by) = stop {
                    // Fails only if the session has already ended, which is fine.
                    let _ = session.cancel(&by).await;
                }
                self.sync.run(claim, &session).await;
            }
            Err(NoSession::Lost) => {}
            Err(fault) => {
                error!(deployment = %id, error = %Causes(&fault), "deployment has no session");
                let ending = Ending {
                    reason: fault.reason(),
                    error: Causes(&fault).to_string(),
                    at: Utc::now(),
                };
                let settlement = if ending.reason == Reason::Unknown {
                    Settlement::Unknown
                } else {
                    Settlement::Dropped
                };
                let settled = self.audit.settle_without_session(id, settlement);
                if settled.await.is_err() {
                    return;
                }
                let finished = self
                    .store
                    .while_leased(|store| store.finish(&claim.lease, &ending));
                if finished.await.is_ok() {
                    let operation = claim.deployment.operation;
                    self.metrics.count(operation, ending.reason, None);
                }
            }
        }
    }
}
