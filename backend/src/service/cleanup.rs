//! Removes expired secrets, working directories, records and audit entries.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};
use iac_runner::process::remove_tree;
use iac_runner::session::remove_old_sessions;
use tracing::{error, info};

use super::Service;
use crate::causes::Causes;
use crate::store::{DeploymentId, QueueState, StoreError};

/// How often to look for expired data.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

impl Service {
    /// Removes the directories and records of deployments that ended long ago, and old audit entries.
    pub(super) async fn clean_up(&self) {
        let now = Utc::now();
        if let Some(limit) = before(now, self.shared.record_retention) {
            told("records", self.store().forget_ended_before(limit).await);
        }
        if let Some(limit) = before(now, self.shared.audit_retention) {
            let forgotten = self.store().forget_audit_before(limit).await;
            told("entries of the audit trail", forgotten);
        }
        for id in deployments_in(&self.shared.sessions_dir) {
            if self.may_go(id, now).await
                && let Err(fault) = remove_expired(&self.dir(id), self.shared.settings.retention)
            {
                error!(deployment = %id, error = %Causes(&fault), "deployment directory not removed");
            }
        }
    }

    /// Schedules a scrub after a deployment has ended: nothing of its secrets may remain, although they are encrypted.
    pub(super) fn scrub_soon(&self) {
        self.shared.needs_scrub.store(true, Ordering::Relaxed);
    }

    /// Scrubs the store if due. Not at each end: deployments that end together are scrubbed at once.
    pub(super) async fn scrub_if_due(&self) {
        if self.shared.needs_scrub.swap(false, Ordering::Relaxed)
            && let Err(fault) = self.store().scrub().await
        {
            self.scrub_soon();
            error!(
                error = %Causes(&fault),
                "database not scrubbed"
            );
        }
    }

    /// Returns whether the directory of a deployment is no longer needed; in doubt it is kept.
    async fn may_go(&self, id: DeploymentId, now: DateTime<Utc>) -> bool {
        match self.store().deployment(id).await {
            Ok(None) => true,
            Ok(Some(deployment)) if deployment.queue_state == QueueState::Ended => {
                let limit = before(now, self.shared.settings.retention);
                deployment.ended_at < limit
            }
            Ok(Some(_)) | Err(_) => false,
        }
    }
}

/// Removes the directory of an ended deployment, unless a person still needs something in it: a session whose outcome is
/// unknown, or a state that exists nowhere else.
fn remove_expired(dir: &Path, retention: Duration) -> io::Result<()> {
    remove_old_sessions(dir, retention);
    for entry in std::fs::read_dir(dir)? {
        if entry?.file_type()?.is_dir() {
            return Ok(());
        }
    }
    remove_tree(dir)
}

fn told(what: &str, forgotten: Result<u64, StoreError>) {
    match forgotten {
        Ok(0) => {}
        Ok(count) => info!(what, count, "expired data purged"),
        Err(fault) => error!(
            what,
            error = %Causes(&fault),
            "expired data not purged"
        ),
    }
}

/// Returns the time that long ago; `None` if it is out of range.
fn before(now: DateTime<Utc>, duration: Duration) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(chrono::TimeDelta::from_std(duration).ok()?)
}

fn deployments_in(dir: &Path) -> Vec<DeploymentId> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn states_that_exist_nowhere_else_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deployment");
        let state = dir.join("left-states/session/terraform.tfstate");
        fs::create_dir_all(state.parent().unwrap()).unwrap();
        fs::write(&state, "{}").unwrap();
        remove_expired(&dir, Duration::ZERO).unwrap();
        assert!(state.exists());

        fs::remove_dir_all(dir.join("left-states")).unwrap();
        fs::write(dir.join("not-begun"), "").unwrap();
        remove_expired(&dir, Duration::ZERO).unwrap();
        assert!(!dir.exists());
    }
}
