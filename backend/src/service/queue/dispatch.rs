//! Claims queued deployments, up to the concurrency limit.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::causes::Causes;
use crate::service::cleanup::SWEEP_EVERY;
use crate::service::decisions::forward_decision::TAKE_EVERY;
use crate::service::{RunError, Service};
use crate::store::{Claim, LeaseState, Owner, StoreError};

/// How often to poll the queue without being woken: another machine may have added a deployment, or ended the one that
/// blocked it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Service {
    /// Recovers the deployments that a previous process of this node left, then claims queued ones until
    /// [`Service::stop`].
    ///
    /// # Errors
    /// The store cannot list the deployments left, and nothing was started; or another process has taken the node name.
    pub async fn run(&self) -> Result<(), RunError> {
        let parts = &self.shared;
        let naming = self.clone();
        let naming = tokio::spawn(async move { naming.renew_name().await });
        let left = self.take_over_left().await?;
        match parts.store.drop_late_intents().await {
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
            self.execute(claim);
        }
        let mut stopping = self.stopping();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut take = tokio::time::interval(TAKE_EVERY);
        take.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let is_shared = parts.store.is_shared();
        while !*stopping.borrow_and_update() {
            self.claim_what_may_be().await;
            tokio::select! {
                () = parts.wake.notified() => {}
                _ = look.tick() => self.scrub_if_due().await,
                _ = sweep.tick() => self.clean_up().await,
                _ = take.tick(), if is_shared => {
                    self.take_decisions().await;
                    continue;
                }
                _ = stopping.changed() => {}
            }
        }
        match naming.await {
            Ok(LeaseState::Lost) => Err(RunError::NameTaken {
                name: parts.node.name.clone(),
            }),
            Ok(LeaseState::Yes) | Err(_) => Ok(()),
        }
    }

    /// Takes over the deployments of this node whose sessions are in its data directory.
    async fn take_over_left(&self) -> Result<Vec<Claim>, StoreError> {
        let parts = &self.shared;
        let mut left = Vec::new();
        for (id, session_dir) in parts.store.claimed_by(&parts.node.name).await? {
            if let Some(dir) = self.foreign_dir(id, session_dir.as_deref()) {
                error!(
                    deployment = %id,
                    dir = %dir.display(),
                    "deployment not recovered: its directory is not in this data directory"
                );
                continue;
            }
            let taken = parts
                .store
                .take_over(&parts.node.name, Owner::Own(id), parts.lease);
            left.extend(taken.await?);
        }
        Ok(left)
    }

    async fn claim_what_may_be(&self) {
        let parts = &self.shared;
        // Also if nothing may be claimed: running deployments need their directories too.
        if !self.can_store_deployments() {
            return;
        }
        while parts.active_deployments.at_work() < parts.concurrency.get()
            && !*parts.is_stopping.borrow()
            && self.holds_the_name()
        {
            match parts.store.claim(&parts.node.name, parts.lease).await {
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
