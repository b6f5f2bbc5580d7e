//! The sessions of this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use iac_runner::session::{Session, Status};
use tokio::sync::watch;

use crate::store::DeploymentId;

/// The deployments that this process runs.
#[derive(Debug)]
pub(super) struct Live {
    entries: Mutex<HashMap<DeploymentId, Entry>>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
enum Entry {
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

impl Default for Live {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Live {
    pub(super) fn claim(&self, id: DeploymentId) {
        self.entries()
            .insert(id, Entry::Claimed { cancel_by: None });
    }

    /// Adds the session; returns who asked to stop the deployment before it had one.
    pub(super) fn carry(&self, id: DeploymentId, session: Session) -> Option<String> {
        let entry = Entry::Carried {
            session,
            kept: None,
        };
        let before = self.entries().insert(id, entry);
        self.changed.send_replace(());
        match before {
            Some(Entry::Claimed { cancel_by }) => cancel_by,
            Some(Entry::Carried { .. }) | None => None,
        }
    }

    pub(super) fn remove(&self, id: DeploymentId) {
        self.entries().remove(&id);
        self.changed.send_replace(());
    }

    pub(super) fn session(&self, id: DeploymentId) -> Option<Session> {
        match self.entries().get(&id) {
            Some(Entry::Carried { session, .. }) => Some(session.clone()),
            Some(Entry::Claimed { .. }) | None => None,
        }
    }

    /// Remembers to stop a deployment as soon as it has a session; returns false if it is not in the claimed state.
    pub(super) fn cancel_claimed(&self, id: DeploymentId, by: &str) -> bool {
        match self.entries().get_mut(&id) {
            Some(Entry::Claimed { cancel_by }) => {
                cancel_by.get_or_insert_with(|| by.to_owned());
                true
            }
            Some(Entry::Carried { .. }) | None => false,
        }
    }

    /// Returns whether this process runs no deployments.
    pub(super) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// Returns how many are running. Deployments that wait for approval do not count.
    pub(super) fn at_work(&self) -> usize {
        let entries = self.entries();
        let at_work = entries.values().filter(|entry| match entry {
            Entry::Claimed { .. } => true,
            Entry::Carried { session, .. } => is_at_work(session),
        });
        at_work.count()
    }

    /// Notes the status that the store now has.
    pub(super) fn note_kept(&self, id: DeploymentId, status: Status) {
        if let Some(Entry::Carried { kept, .. }) = self.entries().get_mut(&id) {
            *kept = Some(status);
        }
    }

    /// Returns whether every deployment waits for approval, according to both its session and the store. Ended
    /// deployments are removed once their end is stored.
    pub(super) fn is_idle(&self) -> bool {
        self.entries().values().all(|entry| match entry {
            Entry::Claimed { .. } => false,
            Entry::Carried { session, kept } => {
                session.status().status == Status::AwaitingApproval
                    && *kept == Some(Status::AwaitingApproval)
            }
        })
    }

    /// Returns the running sessions.
    pub(super) fn sessions_at_work(&self) -> Vec<Session> {
        let entries = self.entries();
        let sessions = entries.values().filter_map(|entry| match entry {
            Entry::Claimed { .. } => None,
            Entry::Carried { session, .. } => Some(session.clone()),
        });
        sessions.filter(is_at_work).collect()
    }

    /// Returns how many deployments this process runs.
    pub(super) fn count(&self) -> usize {
        self.entries().len()
    }

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<DeploymentId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
