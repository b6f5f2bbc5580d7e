//! The sessions of this process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use iac_runner::session::{Session, Status};
use tokio::sync::watch;

use crate::store::DeploymentId;

/// What this process carries.
#[derive(Debug)]
pub(super) struct Live {
    entries: Mutex<HashMap<DeploymentId, Entry>>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
enum Entry {
    /// It was claimed and has no session yet; who wants it stopped, if somebody does.
    Claimed { cancel_by: Option<String> },
    /// It has one.
    Carried {
        session: Session,
        /// The status that the store has; none as long as it has what a former process said.
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

    /// Puts the session in; says who wanted it stopped while there was none.
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

    /// Remembers that a deployment is to stop as soon as it has a session; false if it is not claimed.
    pub(super) fn cancel_claimed(&self, id: DeploymentId, by: &str) -> bool {
        match self.entries().get_mut(&id) {
            Some(Entry::Claimed { cancel_by }) => {
                cancel_by.get_or_insert_with(|| by.to_owned());
                true
            }
            Some(Entry::Carried { .. }) | None => false,
        }
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// How many are at work. Who waits for an approval does not take the place of another.
    pub(super) fn at_work(&self) -> usize {
        let entries = self.entries();
        let at_work = entries.values().filter(|entry| match entry {
            Entry::Claimed { .. } => true,
            Entry::Carried { session, .. } => is_at_work(session),
        });
        at_work.count()
    }

    /// Notes what the store says now.
    pub(super) fn note_kept(&self, id: DeploymentId, status: Status) {
        if let Some(Entry::Carried { kept, .. }) = self.entries().get_mut(&id) {
            *kept = Some(status);
        }
    }

    /// Whether all that is carried waits for an approval, and the store says so, as it does of all that has ended.
    pub(super) fn is_idle(&self) -> bool {
        self.entries().values().all(|entry| match entry {
            Entry::Claimed { .. } => false,
            Entry::Carried { session, kept } => {
                session.status().status == Status::AwaitingApproval
                    && *kept == Some(Status::AwaitingApproval)
            }
        })
    }

    /// The sessions that are at work.
    pub(super) fn sessions_at_work(&self) -> Vec<Session> {
        let entries = self.entries();
        let sessions = entries.values().filter_map(|entry| match entry {
            Entry::Claimed { .. } => None,
            Entry::Carried { session, .. } => Some(session.clone()),
        });
        sessions.filter(is_at_work).collect()
    }

    /// How many are carried.
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
