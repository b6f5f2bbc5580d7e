//! The main loop of the service.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::RunError;
use super::cleanup::scrub::Scrub;
use super::cleanup::{Cleanup, SWEEP_EVERY};
use super::decisions::inbox::{Inbox, TAKE_EVERY};
use super::node::lease::NodeLease;
use super::state::stop_signal::StopSignal;
use super::state::wake_signal::WakeSignal;
use super::worker::claimer::Claimer;
use crate::causes::Causes;
use crate::store::{LeaseState, Store};

/// How often to poll the queue without being woken: another machine may have added a deployment, or ended the one that
/// blocked it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Decides when the worker, the inbox and the cleanup do something, until the service stops.
pub(super) struct Scheduler {
    pub(super) store: Arc<dyn Store>,
    pub(super) node_lease: Arc<NodeLease>,
    pub(super) claimer: Claimer,
    pub(super) inbox: Inbox,
    pub(super) cleanup: Cleanup,
    pub(super) scrub: Scrub,
    pub(super) wake: WakeSignal,
    pub(super) stop: StopSignal,
}

impl Scheduler {
    /// Recovers the deployments that a previous process of this node left, then claims queued ones until the service
    /// stops.
    ///
    /// # Errors
    /// The store cannot list the deployments left, and nothing was started; or another process has taken the node name.
    pub(super) async fn run(&self) -> Result<(), RunError> {
        let node_lease = Arc::clone(&self.node_lease);
        let renewal = tokio::spawn(async move { node_lease.keep_renewed().await });
        let left = self.claimer.take_over_left().await?;
        match self.store.drop_late_intents().await {
            Ok(_) => {}
            Err(fault) => warn!(error = %Causes(&fault), "late audit entries not dropped"),
        }
        if !left.is_empty() {
            info!(
                deployments = left.len(),
                "recovering deployments of the previous process"
            );
        }
        for claim in left {
            self.claimer.execute(claim);
        }
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut take = tokio::time::interval(TAKE_EVERY);
        take.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_shared = self.store.is_shared();
        while !self.stop.is_stopping() {
            self.claimer.claim_queued().await;
            tokio::select! {
                () = self.wake.woken() => {}
                _ = look.tick() => self.scrub.run_if_due().await,
                _ = sweep.tick() => self.cleanup.sweep().await,
                _ = take.tick(), if is_shared => {
                    self.inbox.take().await;
                    continue;
                }
                () = self.stop.stopped() => {}
            }
        }
        match renewal.await {
            Ok(LeaseState::Lost) => Err(RunError::NameTaken {
                name: self.node_lease.name().to_owned(),
            }),
            Ok(LeaseState::Yes) | Err(_) => Ok(()),
        }
    }
}
