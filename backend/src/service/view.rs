//! Where a deployment stands.

use chrono::{DateTime, Utc};
use iac_runner::session::{Phase, Session, Snapshot, Status};
use serde_json::Value;

use super::Service;
use super::mirror::json;
use crate::store::{Deployment, DeploymentId, Standing, StoreError};

/// Most bytes of a log in a status.
const MOST_LOG_BYTES: usize = 1024 * 1024;

/// Where a deployment stands: its record, and what its session says now if this process carries it.
#[derive(Clone, Debug)]
pub struct View {
    /// The record.
    pub deployment: Deployment,
    /// What its session says, which may be a moment ahead of the record.
    pub snapshot: Option<Snapshot>,
    /// How far its checkout is, in the words of git.
    pub progress: Option<String>,
    /// Its place among those that wait, from 1.
    pub position: Option<u64>,
    /// The deployment of the same workspace that it waits for.
    pub waiting_for: Option<DeploymentId>,
    /// Since when the node that carries it has given no sign of life; none if it has.
    pub node_silent_since: Option<DateTime<Utc>>,
}

impl View {
    /// Its status: what the session says now goes before what was kept.
    pub fn status(&self) -> Status {
        let of_record = self.deployment.progress.status;
        self.snapshot.as_ref().map_or(of_record, |now| now.status)
    }
}

impl Service {
    /// Where a deployment stands; none if there is none of this name.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn view(&self, id: DeploymentId) -> Result<Option<View>, StoreError> {
        let session = self.session(id);
        let is_carried_here = session.is_some();
        let Some(deployment) = self.store().deployment(id).await? else {
            return Ok(None);
        };
        let (position, waiting_for) = match deployment.standing {
            Standing::Waiting => (
                self.store().position(id).await?,
                self.store().waits_for(id).await?,
            ),
            Standing::Active | Standing::Ended => (None, None),
        };
        Ok(Some(View {
            progress: session.as_ref().and_then(Session::progress),
            snapshot: session
                .filter(|_| deployment.standing == Standing::Active)
                .map(|session| session.status()),
            node_silent_since: deployment
                .lease_until
                .filter(|until| *until < Utc::now() && !is_carried_here),
            deployment,
            position,
            waiting_for,
        }))
    }

    /// The summary of the plan, as JSON; none if there is none.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn plan(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.plan()) {
            Some(plan) => Ok(Some(json(plan.as_ref()))),
            None => self.store().plan(id).await,
        }
    }

    /// The outputs by name, sensitive values masked, as JSON; none if there are none.
    ///
    /// # Errors
    /// The store does not say.
    pub async fn outputs(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
        match self.session(id).and_then(|session| session.outputs()) {
            Some(outputs) => Ok(Some(json(outputs.as_ref()))),
            None => self.store().outputs(id).await,
        }
    }

    /// The log of these phases as text, each line with its newline; the last megabyte when it is longer.
    ///
    /// # Errors
    /// The store does not say.
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

/// The line of a log that says what a deployment waits for.
pub(crate) fn waiting_line(other: DeploymentId) -> String {
    format!("[waits for the deployment {other}, which is before it in the same workspace]")
}
