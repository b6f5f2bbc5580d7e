//! Runs one claimed deployment: starts its session, or recovers it.

use std::io;
use std::path::{Path, PathBuf};

use chrono::Utc;
use iac_runner::process::restore_owner_access;
use iac_runner::session::request::RequestSecrets;
use iac_runner::session::{
    DeployRequest, Phase, Reason, RecoverError, Session, SessionId, Sessions, Settings,
};
use tracing::{error, info, warn};

use super::fence::Fence;
use super::lost::Lost;
use crate::auth::Caller;
use crate::causes::Causes;
use crate::sealing::SealError;
use crate::service::Service;
use crate::service::decisions::audit_backfill::Moment;
use crate::service::error::CarryError;
use crate::store::{Claim, Ending, LeaseState, Settlement};

impl Service {
    /// Runs a deployment to its end, in its own task.
    pub(crate) fn execute(&self, claim: Claim) {
        self.shared.active_deployments.claim(claim.lease.deployment);
        let service = self.clone();
        tokio::spawn(async move {
            service.execute_to_end(&claim).await;
            service
                .shared
                .active_deployments
                .remove(claim.lease.deployment);
            service.scrub_soon();
            service.shared.wake.notify_one();
        });
    }

    async fn execute_to_end(&self, claim: &Claim) {
        let id = claim.lease.deployment;
        match self.session_of(claim).await {
            Ok(session) => {
                info!(deployment = %id, "deployment has a session");
                let completed = self.backfill_audit(claim, &session, Moment::TakenUp);
                if completed.await.is_err() {
                    return;
                }
                if let Some(by) = self
                    .shared
                    .active_deployments
                    .insert_session(id, session.clone())
                {
                    // Fails only if the session has already ended, which is fine.
                    let _ = session.cancel(&by).await;
                }
                self.sync_session(claim, &session).await;
            }
            Err(CarryError::Lost) => {}
            Err(fault) => {
                error!(deployment = %id, error = %Causes(&fault), "deployment has no session");
                let ending = Ending {
                    reason: reason(&fault),
                    error: Causes(&fault).to_string(),
                    at: Utc::now(),
                };
                let settlement = if ending.reason == Reason::Unknown {
                    Settlement::Unknown
                } else {
                    Settlement::Dropped
                };
                if self.settle_without_session(id, settlement).await.is_err() {
                    return;
                }
                let store = self.store();
                if self.insist(|| store.finish(&claim.lease, &ending)).await == LeaseState::Yes {
                    let operation = claim.deployment.operation;
                    self.metrics().count(operation, ending.reason, None);
                }
            }
        }
    }

    /// Returns the session of a deployment: the existing one, or a new one if work has not begun.
    ///
    /// Existing sessions come first: they are followed even if their secrets cannot be decrypted.
    async fn session_of(&self, claim: &Claim) -> Result<Session, CarryError> {
        let id = claim.lease.deployment;
        let root = self.dir(id);
        let fence = Fence::of(&root);
        if claim.deployment.session_dir.is_none() {
            fence.put_up().map_err(CarryError::Fence)?;
        }
        let (store, shown) = (self.store(), root.to_string_lossy().into_owned());
        let kept = self.insist(|| store.keep_session_dir(&claim.lease, &shown));
        if kept.await == LeaseState::Lost {
            return Err(CarryError::Lost);
        }
        let secrets = self.secrets_of(claim);
        restore_owner_access(&root).map_err(CarryError::Directory)?;
        let left = sessions_in(&root).map_err(CarryError::Directory)?;
        let settings = Settings {
            root: root.clone(),
            ..self.shared.settings.clone()
        };
        let sessions = Sessions::open(settings)?;
        for dir in left {
            let stored = claim.deployment.progress.phase;
            if Session::recorded(&dir).is_ok_and(|recorded| is_outdated(recorded.phase, stored)) {
                return Err(CarryError::Outdated { dir });
            }
            match sessions.recover(&dir, secrets.as_ref().ok()) {
                Err(RecoverError::NoSession { .. }) => {}
                session => {
                    let session = session?;
                    fence.take_down().map_err(CarryError::Directory)?;
                    if let Err(fault) = &secrets {
                        error!(deployment = %id, error = %Causes(fault), "session recovered without its secrets");
                    }
                    return Ok(session);
                }
            }
        }
        if !fence.is_up().map_err(CarryError::Directory)? {
            return Err(CarryError::SessionLost { dir: root });
        }
        let deployment = &claim.deployment;
        let callers = match deployment.is_automatic() {
            true => self
                .accepted_callers()
                .await
                .map_err(|Lost| CarryError::Lost)?,
            false => Vec::new(),
        };
        self.shared
            .approval_rule
            .begin(
                deployment.operation,
                deployment.is_automatic(),
                &deployment.started_by,
                &callers,
            )
            .map_err(CarryError::Approval)?;
        let request = DeployRequest::from_record(&claim.deployment.record, &secrets?)?;
        let session = sessions.start(request)?;
        if let Err(fault) = fence.take_down() {
            // The session is on disk and takes precedence over the fence.
            warn!(deployment = %id, error = %Causes(&fault), "fence not removed");
        }
        Ok(session)
    }

    /// Returns the callers whose keys are not revoked.
    async fn accepted_callers(&self) -> Result<Vec<Caller>, Lost> {
        let store = self.store();
        let keys = self.until_answered(|| store.keys()).await?.into_iter();
        let accepted = keys.filter(|key| key.revoked_at.is_none());
        Ok(accepted.map(|key| key.caller()).collect())
    }

    fn secrets_of(&self, claim: &Claim) -> Result<RequestSecrets, SealError> {
        match &claim.sealed_secrets {
            Some(sealed) => self.shared.sealer.open(claim.lease.deployment, sealed),
            None => Ok(RequestSecrets::default()),
        }
    }
}

/// Returns the session directories below a deployment's directory: one, or an empty list before work has begun.
fn sessions_in(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(fault) => return Err(fault),
    };
    let mut dirs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.parse::<SessionId>().is_ok()) {
            dirs.push(path);
        }
    }
    Ok(dirs)
}

/// Returns whether a journal is older than what the store knows: an apply had begun, and the journal does not record
/// it. A journal is written before the store, so it belongs to a copy or a backup of the directory.
fn is_outdated(recorded: Phase, stored: Phase) -> bool {
    stored == Phase::Apply && recorded < Phase::Apply
}

/// Maps an error to the reason with which a deployment without a session ends.
fn reason(fault: &CarryError) -> Reason {
    match fault {
        // Work may have begun; its outcome cannot be known.
        CarryError::Recover(_)
        | CarryError::Directory(_)
        | CarryError::SessionLost { .. }
        | CarryError::Outdated { .. } => Reason::Unknown,
        CarryError::Approval(_)
        | CarryError::Fence(_)
        | CarryError::Secrets(_)
        | CarryError::Record(_)
        | CarryError::Start(_) => Reason::PreparationFailed,
        CarryError::Lost => Reason::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_lacks_a_begun_apply_is_outdated() {
        let table = [
            (Phase::Plan, Phase::Apply, true),
            (Phase::Cloning, Phase::Apply, true),
            (Phase::Apply, Phase::Apply, false),
            (Phase::Completed, Phase::Apply, false),
            (Phase::Apply, Phase::Plan, false),
            (Phase::Plan, Phase::Plan, false),
            // The end of a plan may be missing in the journal after a full disk.
            (Phase::Plan, Phase::Completed, false),
        ];
        for (recorded, stored, expected) in table {
            let told = is_outdated(recorded, stored);
            assert_eq!(told, expected, "{recorded:?} {stored:?}");
        }
    }
}
