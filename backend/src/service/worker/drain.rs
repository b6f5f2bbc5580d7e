//! Shutdown of a service that must not leave processes behind.
//!
//! On a machine, running deployments are left to their supervisors. In a container, all processes end with the service,
//! and an apply that is killed loses its state: there, the service waits for them.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::auth::STOP_OF_THE_SERVICE;
use crate::service::state::active_deployments::ActiveDeployments;

/// How often to check whether a deployment is running.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Time that a session needs after its tool was stopped: it reads the state and records its end.
const MARGIN: Duration = Duration::from_secs(15);

/// Waits for running deployments at a shutdown.
pub(crate) struct Drain {
    active_deployments: ActiveDeployments,
    /// Time from a cancel to the kill of a tool.
    grace: Duration,
}

impl Drain {
    pub(crate) fn new(active_deployments: ActiveDeployments, grace: Duration) -> Self {
        Self {
            active_deployments,
            grace,
        }
    }

    /// Returns the longest time that [`Drain::run`] takes with this limit.
    pub(crate) fn longest(&self, limit: Duration) -> Duration {
        limit.saturating_add(self.last_wait())
    }

    /// Returns how long cancelled deployments may take to end.
    fn last_wait(&self) -> Duration {
        self.grace.saturating_add(MARGIN)
    }

    /// Waits, after the service was stopped, until no deployment is running and every end is stored. A deployment that
    /// waits for approval does not count as running.
    ///
    /// Deployments still running after `limit` are cancelled gracefully, and then end within their grace period.
    pub(crate) async fn run(&self, limit: Duration) {
        if self.active_deployments.is_idle() {
            return;
        }
        info!(
            deployments = self.active_deployments.at_work(),
            "waiting for running deployments"
        );
        if timeout(limit, self.idle()).await.is_ok() {
            return;
        }
        for session in self.active_deployments.sessions_at_work() {
            warn!(deployment = %session.id(), "drain timed out; cancelling deployment");
            // Fails only if the session has already ended, which is fine.
            let _ = session.cancel(STOP_OF_THE_SERVICE).await;
        }
        if timeout(self.last_wait(), self.idle()).await.is_err() {
            warn!("drain timed out; leaving running deployments");
        }
    }

    async fn idle(&self) {
        while !self.active_deployments.is_idle() {
            sleep(LOOK_EVERY).await;
        }
    }
}
