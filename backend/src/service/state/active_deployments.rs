//! The sessions of this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use iac_runner::session::{Session, Status};
use tokio::sync::watch;

use crate::store::DeploymentId;

/// The deployments that this process runs, with their sessions.
#[derive(Clone, Debug)]
pub(crate) struct ActiveDeployments {
    entries: Arc<Mutex<HashMap<DeploymentId, ActiveDeployment>>>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
enum ActiveDeployment {
    /// Claimed, without a session yet; `cancel_by` is the user who wants it stopped, if any.
    Claimed { cancel_by: Option<String> },
    /// Has a session.
    Carried {
        session: Session,
        /// The status in the store; `None` while the store still has the status of a previous process.
        kept: Option<Status>,
    },
}

fn is_at_work(session: &Session) -> bool {
    match session.status().status {
        Status::Running => true,
        Status::AwaitingApproval | Status::Success | Status::Failed | Status::Cancelled => false,
    }
}

impl Default for ActiveDeployments {
    fn default() -> Self {
        Self {
            entries: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl ActiveDeployments {
    pub(crate) fn claim(&self, id: DeploymentId) {
        self.entries()
            .insert(id, ActiveDeployment::Claimed { cancel_by: None });
    }

    /// Adds the session; returns who asked to stop the deployment before it had one.
    pub(crate) fn insert_session(&self, id: DeploymentId, session: Session) -> Option<String> {
        let entry = ActiveDeployment::Carried {
            session,
            kept: None,
        };
        let before = self.entries().insert(id, entry);
        self.changed.send_replace(());
        match before {
            Some(ActiveDeployment::Claimed { cancel_by }) => cancel_by,
            Some(ActiveDeployment::Carried { .. }) | None => None,
        }
    }

    pub(crate) fn remove(&self, id: DeploymentId) {
        self.entries().remove(&id);
        self.changed.send_replace(());
    }

    pub(crate) fn session(&self, id: DeploymentId) -> Option<Session> {
        match self.entries().get(&id) {
            Some(ActiveDeployment::Carried { session, .. }) => Some(session.clone()),
            Some(ActiveDeployment::Claimed { .. }) | None => None,
        }
    }

    /// Remembers to stop a deployment as soon as it has a session; returns false if it is not in the claimed state.
    pub(crate) fn cancel_claimed(&self, id: DeploymentId, by: &str) -> bool {
        match self.entries().get_mut(&id) {
            Some(ActiveDeployment::Claimed { cancel_by }) => {
                cancel_by.get_or_insert_with(|| by.to_owned());
                true
            }
            Some(ActiveDeployment::Carried { .. }) | None => false,
        }
    }

    /// Returns whether this process runs no deployments.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Returns how many are running. Deployments that wait for approval do not count.
    pub(crate) fn at_work(&self) -> usize {
        let entries = self.entries();
        let at_work = entries.values().filter(|entry| match entry {
            ActiveDeployment::Claimed { .. } => true,
            ActiveDeployment::Carried { session, .. } => is_at_work(session),
        });
        at_work.count()
    }

    /// Notes the status that the store now has.
    pub(crate) fn note_kept(&self, id: DeploymentId, status: Status) {
        if let Some(ActiveDeployment::Carried { kept, .. }) = self.entries().get_mut(&id) {
            *kept = Some(status);
        }
    }

    /// Returns whether every deployment waits for approval, according to both its session and the store. Ended
    /// deployments are removed once their end is stored.
    pub(crate) fn is_idle(&self) -> bool {
        self.entries().values().all(|entry| match entry {
            ActiveDeployment::Claimed { .. } => false,
            ActiveDeployment::Carried { session, kept } => {
                session.status().status == Status::AwaitingApproval
                    && *kept == Some(Status::AwaitingApproval)
            }
        })
    }

    /// Returns the running sessions.
    pub(crate) fn sessions_at_work(&self) -> Vec<Session> {
        let entries = self.entries();
        let sessions = entries.values().filter_map(|entry| match entry {
            ActiveDeployment::Claimed { .. } => None,
            ActiveDeployment::Carried { session, .. } => Some(session.clone()),
        });
        sessions.filter(is_at_work).collect()
    }

    /// Returns how many deployments this process runs.
    pub(crate) fn count(&self) -> usize {
        self.entries().len()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<DeploymentId, ActiveDeployment>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
