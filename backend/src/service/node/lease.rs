//! The lease of the node name, renewed as a heartbeat.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, timeout};
use tracing::{error, warn};

use crate::causes::Causes;
use crate::service::state::stop_signal::StopSignal;
use crate::store::{Deployment, LeaseState, Node, QueueState, Store, StoreError};

/// Longest time of one write before the store counts as not writable.
pub(crate) const WRITTEN_WITHIN: Duration = Duration::from_secs(5);

/// The right of this process to its node name: renews it, and stops the service if another process has taken it.
pub(crate) struct NodeLease {
    store: Arc<dyn Store>,
    node: Node,
    duration: Duration,
    held_until: HeldUntil,
    stop: StopSignal,
}

/// Until when this process surely holds its node name.
#[derive(Debug)]
struct HeldUntil {
    until: Mutex<Instant>,
}

impl HeldUntil {
    /// Creates a lease that was requested at this time and granted.
    fn new(asked_at: Instant, lease: Duration) -> Self {
        Self {
            until: Mutex::new(asked_at + lease),
        }
    }

    fn extend(&self, asked_at: Instant, lease: Duration) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(asked_at + lease);
    }

    fn holds_at(&self, now: Instant) -> bool {
        now < *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NodeLease {
    /// Creates the lease of a name that was requested at this time and granted for this long.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        node: Node,
        asked_at: Instant,
        duration: Duration,
        stop: StopSignal,
    ) -> Self {
        Self {
            store,
            node,
            duration,
            held_until: HeldUntil::new(asked_at, duration),
            stop,
        }
    }

    /// Returns the node name.
    pub(crate) fn name(&self) -> &str {
        &self.node.name
    }

    /// Renews the lease until the service stops. Stops the service if another process has taken the name, because that
    /// process now runs the deployments.
    pub(crate) async fn keep_renewed(&self) -> LeaseState {
        if !self.store.is_shared() {
            // The lock of the data directory, which also holds the database, is sufficient.
            return LeaseState::Yes;
        }
        let mut renewal = tokio::time::interval(self.duration / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stop.stopped() => return LeaseState::Yes,
                _ = renewal.tick() => {}
            }
            let renewed = tokio::select! {
                () = self.stop.stopped() => return LeaseState::Yes,
                renewed = self.renew() => renewed,
            };
            match renewed {
                Ok(LeaseState::Yes) => {}
                Ok(LeaseState::Lost) => {
                    error!(
                        node = self.node.name,
                        "node name taken by another process; stopping"
                    );
                    self.stop.stop();
                    return LeaseState::Lost;
                }
                Err(fault) => warn!(error = %Causes(&fault), "node lease not renewed"),
            }
        }
    }

    /// Renews the lease once.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn renew(&self) -> Result<LeaseState, StoreError> {
        let asked_at = Instant::now();
        let held = self.store.renew_name(&self.node, self.duration).await?;
        if held == LeaseState::Yes {
            self.held_until.extend(asked_at, self.duration);
        }
        Ok(held)
    }

    /// Returns whether this process surely holds its name, so that it may claim under it: once the lease has expired,
    /// another data directory may have taken the name.
    pub(crate) fn is_held(&self) -> bool {
        !self.store.is_shared() || self.held_until.holds_at(Instant::now())
    }

    /// Returns whether this process holds its name, which it renews if the lease may have expired meanwhile.
    ///
    /// # Errors
    /// The store does not answer.
    pub(crate) async fn is_still_held(&self) -> Result<bool, StoreError> {
        Ok(self.is_held() || self.renew().await? == LeaseState::Yes)
    }

    /// Returns the node that runs a deployment, if it is another one.
    pub(crate) fn other_node<'a>(&self, deployment: &'a Deployment) -> Option<&'a str> {
        let node = deployment.node.as_deref()?;
        let is_elsewhere = deployment.queue_state == QueueState::Active && node != self.node.name;
        (is_elsewhere && self.store.is_shared()).then_some(node)
    }

    /// Releases the name of a service that has stopped. Deployments that still run keep it reserved for this data
    /// directory.
    pub(crate) async fn release(&self) {
        match timeout(WRITTEN_WITHIN, self.store.leave_name(&self.node)).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => warn!(error = %Causes(&fault), "node lease not released"),
            Err(_) => warn!("node lease not released: the store did not answer in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_held_from_the_question_on_as_long_as_it_is_renewed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let lease = HeldUntil::new(start, Duration::from_secs(30));
        assert!(lease.holds_at(at(29)));
        assert!(!lease.holds_at(at(30)));
        lease.extend(at(20), Duration::from_secs(30));
        // A late answer does not shorten the lease.
        lease.extend(at(10), Duration::from_secs(30));
        assert!(lease.holds_at(at(49)));
        assert!(!lease.holds_at(at(50)));
    }
}
