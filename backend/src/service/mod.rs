//! Runs deployments: a queue, sessions, and their copy in the store.
//!
//! | part | what it does | may use |
//! |---|---|---|
//! | `state` | state that the parts share | nothing of these |
//! | `node` | data directory, node name and its lease, readiness | `state` |
//! | `audit` | keeps the audit trail true to what was done | `state` |
//! | `cleanup` | removes expired data | `node` |
//! | `reads` | what callers read of a deployment | `state` |
//! | `queue` | appends deployments to the queue | `state`, `reads` |
//! | `worker` | claims deployments and runs their sessions | `state`, `node`, `audit`, `cleanup` |
//! | `decisions` | approve, reject, cancel, force-cancel | `state`, `node`, `audit`, `cleanup` |
//! | `scheduler` | the main loop | `state`, `node`, `cleanup`, `worker`, `decisions` |
//! | `open` | creates the parts | all of the above |
//!
//! The fields of a struct are all that its part can touch; [`Service`] offers the parts to the API and the command line.
//!
//! # Recovery after a restart
//! The directory of a session is derived from the deployment's id, and the session creates it before it begins
//! anything. A process that claims a deployment looks there first and recovers an existing session, even if its secrets
//! cannot be decrypted. If there is no session, a fence must prove that none has begun; without a fence, the directory
//! was lost and the deployment ends as `unknown`. A running apply is left to its supervisor, and followed.

mod audit;
mod cleanup;
mod decisions;
mod error;
mod node;
mod open;
mod queue;
mod reads;
mod scheduler;
mod state;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use iac_runner::runner::SandboxLevel;
use tokio::sync::watch;

use self::decisions::Decisions;
pub(crate) use self::decisions::decision::Decision;
pub use self::error::OpenError;
pub(crate) use self::error::{DecisionError, RequestError, RetryError, RunError};
use self::node::lease::NodeLease;
use self::node::readiness::Readiness;
use self::queue::Queue;
pub(crate) use self::queue::supplied::Supplied;
pub(crate) use self::reads::view::DeploymentView;
pub(crate) use self::reads::{Reads, waiting_line};
use self::scheduler::Scheduler;
use self::state::stop_signal::StopSignal;
use self::worker::drain::Drain;
use crate::metrics::Metrics;
use crate::store::Store;

/// Runs deployments; clones share the same parts.
#[derive(Clone)]
pub struct Service {
    parts: Arc<Parts>,
}

/// The parts of a service, and what they share.
struct Parts {
    queue: Queue,
    decisions: Decisions,
    reads: Reads,
    scheduler: Scheduler,
    drain: Drain,
    readiness: Readiness,
    node_lease: Arc<NodeLease>,
    store: Arc<dyn Store>,
    metrics: Arc<Metrics>,
    sandbox: SandboxLevel,
    stop: StopSignal,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("node", &self.parts.node_lease.name())
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Returns the part that starts deployments, and retries ended ones.
    pub(crate) fn queue(&self) -> &Queue {
        &self.parts.queue
    }

    /// Returns the part that approves, rejects and cancels deployments.
    pub(crate) fn decisions(&self) -> &Decisions {
        &self.parts.decisions
    }

    /// Returns the part that reads deployments.
    pub(crate) fn reads(&self) -> &Reads {
        &self.parts.reads
    }

    /// Returns the part that checks whether this node can do its work.
    pub(crate) fn readiness(&self) -> &Readiness {
        &self.parts.readiness
    }

    /// Returns the store.
    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    /// Returns the metrics.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// Returns the sandbox that tools run in on this machine.
    pub(crate) fn sandbox(&self) -> &SandboxLevel {
        &self.parts.sandbox
    }

    /// Recovers the deployments that a previous process of this node left, then claims queued ones until
    /// [`Service::stop`].
    ///
    /// # Errors
    /// The store cannot list the deployments left, and nothing was started; or another process has taken the node name.
    pub(crate) async fn run(&self) -> Result<(), RunError> {
        self.parts.scheduler.run().await
    }

    /// Stops claiming deployments. Running ones are left to their supervisors, and the next start recovers them.
    pub(crate) fn stop(&self) {
        self.parts.stop.stop();
    }

    /// Returns a receiver of whether the service is stopping.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.parts.stop.subscribe()
    }

    /// Waits, after [`Service::stop`], until no deployment is running; cancels those that still run after `limit`.
    pub(crate) async fn drain(&self, limit: Duration) {
        self.parts.drain.run(limit).await;
    }

    /// Returns the longest time that [`Service::drain`] takes with this limit.
    pub(crate) fn longest_drain(&self, limit: Duration) -> Duration {
        self.parts.drain.longest(limit)
    }

    /// Releases the node name, after [`Service::stop`].
    pub(crate) async fn leave(&self) {
        self.parts.node_lease.release().await;
    }
}
