//! Tracks audit entries that are being written to the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::store::DeploymentId;

/// Number of entries by deployment; clones share the counts.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    counts: Arc<Mutex<HashMap<DeploymentId, usize>>>,
    changed: watch::Sender<()>,
}

/// One entry, counted until it is dropped.
#[derive(Debug)]
pub(super) struct OwedEntry {
    owed: Owed,
    id: DeploymentId,
}

impl Default for Owed {
    fn default() -> Self {
        Self {
            counts: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Owed {
    pub(super) fn add(&self, id: DeploymentId) -> OwedEntry {
        *self.counts().entry(id).or_default() += 1;
        OwedEntry {
            owed: self.clone(),
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
            let mut counts = self.owed.counts();
            if let Some(count) = counts.get_mut(&self.id) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(&self.id);
                }
            }
        }
        self.owed.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_all_entries_waits_for_the_last() {
        let (owed, id) = (Owed::default(), DeploymentId::new());
        owed.none_about(id).await;
        let (one, two) = (owed.add(id), owed.add(id));
        let waits = tokio::spawn({
            let owed = owed.clone();
            async move { owed.none_about(id).await }
        });
        drop(one);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        owed.none_about(DeploymentId::new()).await;
        drop(two);
        waits.await.unwrap();
    }
}
