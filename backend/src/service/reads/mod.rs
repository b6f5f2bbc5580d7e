//! What callers read of a deployment.

pub(super) mod log_text;
pub(super) mod view;

use std::sync::Arc;

use chrono::Utc;
use iac_runner::session::{Phase, Session};
use serde_json::Value;
use tokio::sync::watch;

use self::log_text::LogText;
use self::view::DeploymentView;
use super::state::active_deployments::ActiveDeployments;
use crate::store::{DeploymentId, QueueState, Store, StoreError, to_json};

/// Most bytes of a log in a status response.
const MOST_LOG_BYTES: usize = 1024 * 1024;

/// Reads deployments: from their sessions, which are ahead of the store, or from the store.
#[derive(Clone)]
pub(crate) struct Reads {
    store: Arc<dyn Store>,
    active_deployments: ActiveDeployments,
}

impl Reads {
    pub(crate) fn new(store: Arc<dyn Store>, active_deployments: ActiveDeployments) -> Self {
        Self {
            store,
            active_deployments,
        }
    }

    /// Returns the session of a deployment that this process runs.
    pub(crate) fn session(&self, id: DeploymentId) -> Option<Session> {
        self.active_deployments.session(id)
    }

    /// Returns how many deployments this process runs, including those that wait for approval.
    pub(crate) fn active(&self) -> usize {
        self.active_deployments.count()
    }

    /// Returns a receiver that changes when this process starts or stops running a deployment.
    pub(crate) fn active_changes(&self) -> watch::Receiver<()> {
        self.active_deployments.watch()
    }

    /// Returns the log of a deployment, or of one of its phases.
    pub(crate) fn log_text(&self, id: DeploymentId, phase: Option<Phase>) -> LogText {
        LogText::new(
            Arc::clone(&self.store),
            self.session(id).as_ref(),
            id,
            phase,
        )
    }

    /// Returns the state of a deployment; `None` if the id is unknown.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn view(
        &self,
        id: DeploymentId,
    ) -> Result<Option<DeploymentView>, StoreError> {
        let session = self.session(id);
        let is_carried_here = session.is_some();
        let Some(deployment) = self.store.deployment(id).await? else {
            return Ok(None);
        };
        let (position, waiting_for) = match deployment.queue_state {
            QueueState::Waiting => (
                self.store.position(id).await?,
                self.store.waits_for(id).await?,
            ),
            QueueState::Active | QueueState::Ended => (None, None),
        };
        Ok(Some(DeploymentView {
            progress: session.as_ref().and_then(Session::progress),
            snapshot: session
                .filter(|_| deployment.queue_state == QueueState::Active)
                .map(|session| session.status()),
            node_silent_since: deployment
                .lease_until
                .filter(|until| *until < Utc::now() && !is_carried_here),
            deployment,
            position,
            waiting_for,
        }))
    }

    /// Returns the summary of the plan as JSON, if there is one.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn plan(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.plan()) {
            Some(plan) => Ok(Some(to_json(plan.as_ref()))),
            None => self.store.plan(id).await,
        }
    }

    /// Returns the outputs by name as JSON, with sensitive values masked, if there are any.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn outputs(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.outputs()) {
            Some(outputs) => Ok(Some(to_json(outputs.as_ref()))),
            None => self.store.outputs(id).await,
        }
    }

    /// Returns the log of these phases as text, each line with its newline; only the last mebibyte if it is longer.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn end_of_log(
        &self,
        id: DeploymentId,
        phases: &[Phase],
    ) -> Result<String, StoreError> {
        match self.session(id) {
            Some(session) => Ok(session.log_end(phases, MOST_LOG_BYTES)),
            None => self.store.end_of_log(id, phases, MOST_LOG_BYTES).await,
        }
    }
}

/// Returns the log line that names the deployment that this one waits for.
pub(crate) fn waiting_line(other: DeploymentId) -> String {
    format!("[waits for the deployment {other}, which is before it in the same workspace]")
}
