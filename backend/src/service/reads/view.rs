//! State of a deployment.

use chrono::{DateTime, Utc};
use iac_runner::session::{Phase, Session, Snapshot, Status};
use serde_json::Value;

use crate::service::Service;
use crate::service::worker::sync::json;
use crate::store::{Deployment, DeploymentId, QueueState, StoreError};

/// Most bytes of a log in a status response.
const MOST_LOG_BYTES: usize = 1024 * 1024;

/// State of a deployment: its record, and the live state of its session if this process runs it.
#[derive(Clone, Debug)]
pub struct DeploymentView {
    /// The record.
    pub deployment: Deployment,
    /// State of the session, which may be slightly ahead of the record.
    pub snapshot: Option<Snapshot>,
    /// Progress of its checkout, as reported by git.
    pub progress: Option<String>,
    /// Position in the queue, from 1.
    pub position: Option<u64>,
    /// The deployment of the same workspace that this one waits for.
    pub waiting_for: Option<DeploymentId>,
    /// Time since when the node that runs it has sent no heartbeat; `None` if it has.
    pub node_silent_since: Option<DateTime<Utc>>,
}

impl DeploymentView {
    /// Returns the status; the session takes precedence over the record.
    pub fn status(&self) -> Status {
        let of_record = self.deployment.progress.status;
        self.snapshot.as_ref().map_or(of_record, |now| now.status)
    }
}

impl Service {
    /// Returns the state of a deployment; `None` if the id is unknown.
    ///
    /// # Errors
    /// The store failed.
    pub async fn view(&self, id: DeploymentId) -> Result<Option<DeploymentView>, StoreError> {
        let session = self.session(id);
        let is_carried_here = session.is_some();
        let Some(deployment) = self.store().deployment(id).await? else {
            return Ok(None);
        };
        let (position, waiting_for) = match deployment.queue_state {
            QueueState::Waiting => (
                self.store().position(id).await?,
                self.store().waits_for(id).await?,
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
    pub async fn plan(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.plan()) {
            Some(plan) => Ok(Some(json(plan.as_ref()))),
            None => self.store().plan(id).await,
        }
    }

    /// Returns the outputs by name as JSON, with sensitive values masked, if there are any.
    ///
    /// # Errors
    /// The store failed.
    pub async fn outputs(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.outputs()) {
            Some(outputs) => Ok(Some(json(outputs.as_ref()))),
            None => self.store().outputs(id).await,
        }
    }

    /// Returns the log of these phases as text, each line with its newline; only the last mebibyte if it is longer.
    ///
    /// # Errors
    /// The store failed.
    pub async fn end_of_log(
        &self,
        id: DeploymentId,
        phases: &[Phase],
    ) -> Result<String, StoreError> {
        match self.session(id) {
            Some(session) => Ok(session.log_end(phases, MOST_LOG_BYTES)),
            None => self.store().end_of_log(id, phases, MOST_LOG_BYTES).await,
        }
    }
}

/// Returns the log line that names the deployment that this one waits for.
pub(crate) fn waiting_line(other: DeploymentId) -> String {
    format!("[waits for the deployment {other}, which is before it in the same workspace]")
}
