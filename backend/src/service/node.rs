//! The node of this process: its name belongs to the data directory, and it gives signs of life.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, timeout};
use tracing::{error, warn};
use uuid::Uuid;

use super::{OpenError, Service};
use crate::causes::Causes;
use crate::store::{Held, NameAnswer, Node, Store};

/// How long the store may take for one write before it counts as one that can't write.
const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
/// How long the last answer is given again: whoever asks often writes no more often than that.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Whether the store could write, and when that was asked.
#[derive(Debug, Default)]
pub(super) struct Probe {
    last: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

/// Takes the name of the node for this process.
///
/// # Errors
/// The name belongs to another data directory, or the store can't keep it.
pub(super) async fn take(
    store: &dyn Store,
    name: String,
    identity: String,
    lease: Duration,
) -> Result<Node, OpenError> {
    let node = Node {
        name,
        identity,
        process: Uuid::new_v4().to_string(),
    };
    match store.take_name(&node, lease).await? {
        NameAnswer::Taken => Ok(node),
        NameAnswer::InUse { lease_left } => Err(OpenError::NodeInUse {
            name: node.name,
            // Rounded up, so that whoever waits that long has waited long enough.
            seconds_left: lease_left.as_secs() + 1,
        }),
        NameAnswer::Carries { deployments } => Err(OpenError::NodeCarries {
            name: node.name,
            deployments,
        }),
    }
}

impl Service {
    /// Gives signs of life until the service stops; stops it when another process has taken the name, since that one
    /// carries the deployments by now.
    pub(super) async fn keep_the_name(&self) -> Held {
        let mut stopping = self.stopping();
        if !self.store().is_shared() {
            // The lock of the data directory, where the database is as well, says it all.
            return Held::Yes;
        }
        let mut renewal = tokio::time::interval(self.parts.lease / 3);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return Held::Yes,
                _ = renewal.tick() => {}
            }
            let (node, lease) = (&self.parts.node, self.parts.lease);
            let renewed = tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return Held::Yes,
                renewed = self.store().renew_name(node, lease) => renewed,
            };
            match renewed {
                Ok(Held::Yes) => {}
                Ok(Held::Lost) => {
                    error!(
                        node = node.name,
                        "node name taken by another process; stopping"
                    );
                    self.stop();
                    return Held::Lost;
                }
                Err(fault) => warn!(error = %Causes(&fault), "node lease not renewed"),
            }
        }
    }

    /// Gives the name up, after [`Service::stop`]. What still runs keeps it reserved for this data directory.
    pub async fn leave(&self) {
        let left = self.store().leave_name(&self.parts.node);
        match timeout(WRITTEN_WITHIN, left).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => warn!(error = %Causes(&fault), "node lease not released"),
            Err(_) => warn!("node lease not released: the store did not answer in time"),
        }
    }

    /// Whether the store takes what is written, by a write that reaches the disk. Asked by one caller at a time, and
    /// once a second at most.
    pub async fn can_write(&self) -> bool {
        let mut last = self.parts.probe.last.lock().await;
        if let Some((at, can_write)) = *last
            && at.elapsed() < PROBE_EVERY
        {
            return can_write;
        }
        let write = self.store().renew_name(&self.parts.node, self.parts.lease);
        let can_write = match timeout(WRITTEN_WITHIN, write).await {
            Ok(Ok(Held::Yes)) => true,
            Ok(Ok(Held::Lost)) => false,
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
