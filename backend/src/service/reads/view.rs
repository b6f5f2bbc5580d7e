//! State of a deployment.

use chrono::{DateTime, Utc};
use iac_runner::session::{Snapshot, Status};

use crate::store::{Deployment, DeploymentId};

/// State of a deployment: its record, and the live state of its session if this process runs it.
#[derive(Clone, Debug)]
pub(crate) struct DeploymentView {
    /// The record.
    pub(crate) deployment: Deployment,
    /// State of the session, which may be slightly ahead of the record.
    pub(crate) snapshot: Option<Snapshot>,
    /// Progress of its checkout, as reported by git.
    pub(crate) progress: Option<String>,
    /// Position in the queue, from 1.
    pub(crate) position: Option<u64>,
    /// The deployment of the same workspace that this one waits for.
    pub(crate) waiting_for: Option<DeploymentId>,
    /// Time since when the node that runs it has sent no heartbeat; `None` if it has.
    pub(crate) node_silent_since: Option<DateTime<Utc>>,
}

impl DeploymentView {
    /// Returns the status; the session takes precedence over the record.
    pub(crate) fn status(&self) -> Status {
        let of_record = self.deployment.progress.status;
        self.snapshot.as_ref().map_or(of_record, |now| now.status)
    }
}
