//! The node of this process: its name belongs to the data directory, and it renews a lease as a heartbeat.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};
use tracing::{error, warn};
use uuid::Uuid;

use super::data_dir::DataDir;
use super::{OpenError, Service};
use crate::causes::Causes;
use crate::config::NODE_FILE;
use crate::store::{LeaseState, NameAnswer, Node, Store, StoreError};

/// Longest time of one write before the store counts as not writable.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
/// How long the last result is reused: frequent probes don't write more often than this.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// How often to ask whether a lease was renewed or has expired.
const RETAKE_EVERY: Duration = Duration::from_millis(500);

/// Whether the store could write, and when that was checked.
#[derive(Debug, Default)]
pub(super) struct Probe {
    last: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

/// Until when this process surely holds its node name.
#[derive(Debug)]
pub(super) struct NameLease {
    until: Mutex<Instant>,
}

impl NameLease {
    /// Creates a lease that was requested at this time and granted.
    pub(super) fn new(asked_at: Instant, lease: Duration) -> Self {
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

/// Takes the node name for this process. Returns the node, and since when it surely has the name.
///
/// If a process with a copy of this data directory, or with its original, has a valid lease, waits until the lease
/// expires: that process may have died.
///
/// # Errors
/// The name belongs to another data directory, a process with a copy of this one is alive, or the store cannot save the
/// name.
pub(super) async fn take(
    store: &dyn Store,
    name: String,
    data_dir: &DataDir,
    lease: Duration,
) -> Result<(Node, Instant), OpenError> {
    let node = Node {
        name,
        identity: data_dir.identity()?,
        // A database in the data directory is copied together with it.
        place: if store.is_shared() {
            data_dir.place()
        } else {
            String::new()
        },
        process: Uuid::new_v4().to_string(),
    };
    let mut awaited = None;
    loop {
        let asked_at = Instant::now();
        match store.take_name(&node, lease).await? {
            NameAnswer::Taken => return Ok((node, asked_at)),
            NameAnswer::InUse { lease_left } => {
                return Err(OpenError::NodeInUse {
                    name: node.name,
                    // Rounded up, so that waiting this long is enough.
                    seconds_left: lease_left.as_secs() + 1,
                });
            }
            NameAnswer::Copied { lease_until, .. }
                if awaited.is_some_and(|it| it != lease_until) =>
            {
                return Err(OpenError::NodeCopied {
                    name: node.name,
                    identity_file: data_dir.dir().join(NODE_FILE),
                });
            }
            NameAnswer::Copied {
                lease_until,
                lease_left,
            } => {
                if awaited.is_none() {
                    warn!(
                        node = node.name,
                        seconds_left = lease_left.as_secs() + 1,
                        "a process with a copy of this data directory, or with its original, has a valid lease; waiting \
                         until it expires"
                    );
                }
                awaited = Some(lease_until);
                sleep(lease_left.min(RETAKE_EVERY)).await;
            }
            NameAnswer::Carries { deployments } => {
                return Err(OpenError::NodeCarries {
                    name: node.name,
                    deployments,
                });
            }
        }
    }
}

impl Service {
    /// Renews the node lease until the service stops. Stops the service if another process has taken the name, because
    /// that process now runs the deployments.
    pub(super) async fn renew_name(&self) -> LeaseState {
        let mut stopping = self.stopping();
        if !self.store().is_shared() {
            // The lock of the data directory, which also holds the database, is sufficient.
            return LeaseState::Yes;
        }
        let mut renewal = tokio::time::interval(self.shared.lease / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return LeaseState::Yes,
                _ = renewal.tick() => {}
            }
            let renewed = tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return LeaseState::Yes,
                renewed = self.renew_the_name() => renewed,
            };
            match renewed {
                Ok(LeaseState::Yes) => {}
                Ok(LeaseState::Lost) => {
                    error!(
                        node = self.shared.node.name,
                        "node name taken by another process; stopping"
                    );
                    self.stop();
                    return LeaseState::Lost;
                }
                Err(fault) => warn!(error = %Causes(&fault), "node lease not renewed"),
            }
        }
    }

    async fn renew_the_name(&self) -> Result<LeaseState, StoreError> {
        let asked_at = Instant::now();
        let (node, lease) = (&self.shared.node, self.shared.lease);
        let held = self.store().renew_name(node, lease).await?;
        if held == LeaseState::Yes {
            self.shared.name_lease.extend(asked_at, lease);
        }
        Ok(held)
    }

    /// Returns whether this process surely holds its name, so that it may claim under it: once the lease has expired,
    /// another data directory may have taken the name.
    pub(super) fn holds_the_name(&self) -> bool {
        !self.store().is_shared() || self.shared.name_lease.holds_at(Instant::now())
    }

    /// Returns whether this process holds its name, which it renews if the lease may have expired meanwhile.
    ///
    /// # Errors
    /// The store does not answer.
    pub(super) async fn still_holds_the_name(&self) -> Result<bool, StoreError> {
        Ok(self.holds_the_name() || self.renew_the_name().await? == LeaseState::Yes)
    }

    /// Releases the name, after [`Service::stop`]. Deployments that still run keep it reserved for this data directory.
    pub async fn leave(&self) {
        let left = self.store().leave_name(&self.shared.node);
        match timeout(WRITTEN_WITHIN, left).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => warn!(error = %Causes(&fault), "node lease not released"),
            Err(_) => warn!("node lease not released: the store did not answer in time"),
        }
    }

    /// Returns whether the store accepts writes, by a write that reaches the disk. Runs one check at a time, and at
    /// most one a second.
    pub async fn can_write(&self) -> bool {
        let mut last = self.shared.probe.last.lock().await;
        if let Some((at, can_write)) = *last
            && at.elapsed() < PROBE_EVERY
        {
            return can_write;
        }
        let can_write = match timeout(WRITTEN_WITHIN, self.renew_the_name()).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_held_from_the_question_on_as_long_as_it_is_renewed() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let lease = NameLease::new(start, Duration::from_secs(30));
        assert!(lease.holds_at(at(29)));
        assert!(!lease.holds_at(at(30)));
        lease.extend(at(20), Duration::from_secs(30));
        // A late answer does not shorten the lease.
        lease.extend(at(10), Duration::from_secs(30));
        assert!(lease.holds_at(at(49)));
        assert!(!lease.holds_at(at(50)));
    }
}
