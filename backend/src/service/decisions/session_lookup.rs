//! Finds the session that a decision is about.

use std::sync::Arc;

use iac_runner::session::Session;
use tokio::time::{Duration, Instant, timeout_at};

use crate::service::DecisionError;
use crate::service::node::lease::NodeLease;
use crate::service::node::session_dirs::SessionDirs;
use crate::service::state::active_deployments::ActiveDeployments;
use crate::store::{Deployment, QueueState, Store};

/// How long to wait for the session of a deployment that was just claimed: longer than its recovery takes.
const SESSION_WITHIN: Duration = Duration::from_secs(10);

/// Looks up sessions, and explains why a deployment has none.
#[derive(Clone)]
pub(crate) struct SessionLookup {
    pub(in crate::service) store: Arc<dyn Store>,
    pub(in crate::service) node_lease: Arc<NodeLease>,
    pub(in crate::service) session_dirs: SessionDirs,
    pub(in crate::service) active_deployments: ActiveDeployments,
}

impl SessionLookup {
    /// Returns the session of a deployment that this process runs.
    ///
    /// A deployment that was claimed a moment ago, or is being recovered after a restart, gets its session soon; that is
    /// waited for.
    pub(super) async fn session_of(
        &self,
        deployment: &Deployment,
    ) -> Result<Session, DecisionError> {
        let id = deployment.id;
        let deadline = Instant::now() + SESSION_WITHIN;
        loop {
            let mut changes = self.active_deployments.watch();
            if let Some(session) = self.active_deployments.session(id) {
                return Ok(session);
            }
            let found = self.store.deployment(id).await?;
            let now = found.ok_or(DecisionError::NotFound)?;
            let comes_soon =
                now.queue_state == QueueState::Active && self.node_lease.other_node(&now).is_none();
            if let Some(dir) = self.session_dirs.foreign(id, now.session_dir.as_deref())
                && comes_soon
            {
                return Err(DecisionError::Conflict {
                    status: now.progress.status,
                    problem: format!(
                        "the directory `{}` of the deployment is not in the data directory of this service, which does \
                         not run it; nothing was done: start the service with the data directory of the deployment, or \
                         end the deployment with `iac-backend abandon`",
                        dir.display()
                    ),
                });
            }
            if !comes_soon || timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(without_session(&now));
            }
        }
    }
}

/// Returns why a decision about a deployment without a session is refused.
fn without_session(deployment: &Deployment) -> DecisionError {
    let problem = match deployment.queue_state {
        QueueState::Waiting => "the deployment waits its turn",
        QueueState::Active => "the deployment is about to begin or to end: try again",
        QueueState::Ended => "the deployment has ended",
    };
    DecisionError::Conflict {
        status: deployment.progress.status,
        problem: problem.to_owned(),
    }
}
