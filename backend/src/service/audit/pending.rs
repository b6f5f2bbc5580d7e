//! Tracks audit entries that are being written to the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::store::DeploymentId;

/// Number of entries by deployment; clones share the counts.
#[derive(Clone, Debug)]
pub(crate) struct PendingAudit {
    counts: Arc<Mutex<HashMap<DeploymentId, usize>>>,
    changed: watch::Sender<()>,
}

/// One entry, counted until it is dropped.
#[derive(Debug)]
pub(super) struct OwedEntry {
    pending_audit: PendingAudit,
    id: DeploymentId,
}

impl Default for PendingAudit {
    fn default() -> Self {
        Self {
            counts: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl PendingAudit {
    pub(super) fn add(&self, id: DeploymentId) -> OwedEntry {
        *self.counts().entry(id).or_default() += 1;
        OwedEntry {
            pending_audit: self.clone(),
            id,
        }
    }

    /// Waits until no entry about a deployment is being written.
    pub(super) async fn none_about(&self, id: DeploymentId) {
        let mut changed = self.changed.subscribe();
        while self.counts().contains_key(&id) {
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<DeploymentId, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OwedEntry {
    fn drop(&mut self) {
        {
            let mut counts = self.pending_audit.counts();
            if let Some(count) = counts.get_mut(&self.id) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&self.id);
                }
            }
        }
        self.pending_audit.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_all_entries_waits_for_the_last() {
        let (pending_audit, id) = (PendingAudit::default(), DeploymentId::new());
        pending_audit.none_about(id).await;
        let (one, two) = (pending_audit.add(id), pending_audit.add(id));
        let waits = tokio::spawn({
            let pending_audit = pending_audit.clone();
            async move { pending_audit.none_about(id).await }
        });
        drop(one);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        pending_audit.none_about(DeploymentId::new()).await;
        drop(two);
        waits.await.unwrap();
    }
}
