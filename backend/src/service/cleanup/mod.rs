//! Removes expired secrets, working directories, records and audit entries.

pub(super) mod scrub;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use iac_runner::process::remove_tree;
use iac_runner::session::remove_old_sessions;
use tracing::{error, info};

use super::node::session_dirs::SessionDirs;
use crate::causes::Causes;
use crate::store::{DeploymentId, QueueState, Store, StoreError};

/// How often to look for expired data.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// Removes what is older than its retention.
pub(crate) struct Cleanup {
    pub(super) store: Arc<dyn Store>,
    pub(super) session_dirs: SessionDirs,
    /// How long the directory of an ended deployment is kept.
    pub(super) session_retention: Duration,
    pub(super) record_retention: Duration,
    pub(super) audit_retention: Duration,
}

impl Cleanup {
    /// Removes the directories and records of deployments that ended long ago, and old audit entries.
    pub(super) async fn sweep(&self) {
        let now = Utc::now();
        if let Some(limit) = before(now, self.record_retention) {
            told("records", self.store.forget_ended_before(limit).await);
        }
        if let Some(limit) = before(now, self.audit_retention) {
            let forgotten = self.store.forget_audit_before(limit).await;
            told("entries of the audit trail", forgotten);
        }
        for id in deployments_in(&self.session_dirs.root()) {
            if !self.may_go(id, now).await {
                continue;
            }
            for (path, fault) in remove_expired(&self.session_dirs.of(id), self.session_retention) {
                error!(
                    deployment = %id,
                    path = %path.display(),
                    error = %Causes(&fault),
                    "expired directory not removed"
                );
            }
        }
    }

    /// Returns whether the directory of a deployment is no longer needed; in doubt it is kept.
    async fn may_go(&self, id: DeploymentId, now: DateTime<Utc>) -> bool {
        match self.store.deployment(id).await {
            Ok(None) => true,
            Ok(Some(deployment)) if deployment.queue_state == QueueState::Ended => {
                let limit = before(now, self.session_retention);
                deployment.ended_at < limit
            }
            Ok(Some(_)) | Err(_) => false,
        }
    }
}

/// Removes the directory of an ended deployment, unless a person still needs something in it: a session whose outcome is
/// unknown, or a state that exists nowhere else. Returns what could not be removed, and why.
fn remove_expired(dir: &Path, retention: Duration) -> Vec<(PathBuf, io::Error)> {
    let mut failures = remove_old_sessions(dir, retention).failures;
    let removed =
        holds_directories(dir).and_then(
            |is_needed| {
                if is_needed { Ok(()) } else { remove_tree(dir) }
            },
        );
    if let Err(fault) = removed {
        failures.push((dir.to_owned(), fault));
    }
    failures
}

fn holds_directories(dir: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(dir)? {
        if entry?.file_type()?.is_dir() {
            return Ok(true);
        }
    }
    Ok(false)
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
        assert!(remove_expired(&dir, Duration::ZERO).is_empty());
        assert!(state.exists());

        fs::remove_dir_all(dir.join("left-states")).unwrap();
        fs::write(dir.join("not-begun"), "").unwrap();
        assert!(remove_expired(&dir, Duration::ZERO).is_empty());
        assert!(!dir.exists());
    }

    #[test]
    fn what_cannot_be_removed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("deployment");
        fs::create_dir(&dir).unwrap();
        // Only directories have this name.
        let left = dir.join(".going-session");
        fs::write(&left, "").unwrap();
        let failures = remove_expired(&dir, Duration::ZERO);
        let paths: Vec<_> = failures.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [&left]);
    }
}
