//! Starts the session of a claimed deployment, or recovers it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iac_runner::process::restore_owner_access;
use iac_runner::session::request::RequestSecrets;
use iac_runner::session::{
    DeployRequest, Phase, RecoverError, Session, SessionId, Sessions, Settings,
};
use tracing::{error, warn};

use super::fence::Fence;
use super::no_session::NoSession;
use crate::auth::{ApprovalRule, Caller};
use crate::causes::Causes;
use crate::sealing::{SealError, Sealer};
use crate::service::node::session_dirs::SessionDirs;
use crate::service::state::retrying_store::{Lost, RetryingStore};
use crate::store::{Claim, Keys};

/// Opens sessions in the data directory, with the decrypted secrets of their requests.
pub(crate) struct SessionOpener {
    pub(in crate::service) store: RetryingStore,
    pub(in crate::service) session_dirs: SessionDirs,
    /// Settings of all sessions, except for their root.
    pub(in crate::service) settings: Arc<Settings>,
    pub(in crate::service) sealer: Sealer,
    pub(in crate::service) approval_rule: ApprovalRule,
}

impl SessionOpener {
    /// Returns the session of a deployment: the existing one, or a new one if work has not begun.
    ///
    /// Existing sessions come first: they are followed even if their secrets cannot be decrypted.
    pub(super) async fn open(&self, claim: &Claim) -> Result<Session, NoSession> {
        let id = claim.lease.deployment;
        let root = self.session_dirs.of(id);
        let fence = Fence::of(&root);
        if claim.deployment.session_dir.is_none() {
            fence.put_up().map_err(NoSession::Fence)?;
        }
        let shown = root.to_string_lossy().into_owned();
        self.store
            .while_leased(|store| store.keep_session_dir(&claim.lease, &shown))
            .await
            .map_err(|Lost| NoSession::Lost)?;
        let secrets = self.secrets_of(claim);
        restore_owner_access(&root).map_err(NoSession::Directory)?;
        let left = sessions_in(&root).map_err(NoSession::Directory)?;
        let settings = Settings {
            root: root.clone(),
            ..Settings::clone(&self.settings)
        };
        let sessions = Sessions::open(settings)?;
        for dir in left {
            let stored = claim.deployment.progress.phase;
            if Session::recorded(&dir).is_ok_and(|recorded| is_outdated(recorded.phase, stored)) {
                return Err(NoSession::Outdated { dir });
            }
            match sessions.recover(&dir, secrets.as_ref().ok()) {
                Err(RecoverError::NoSession { .. }) => {}
                session => {
                    let session = session?;
                    fence.take_down().map_err(NoSession::Directory)?;
                    if let Err(fault) = &secrets {
                        error!(deployment = %id, error = %Causes(fault), "session recovered without its secrets");
                    }
                    return Ok(session);
                }
            }
        }
        if !fence.is_up().map_err(NoSession::Directory)? {
            return Err(NoSession::SessionLost { dir: root });
        }
        let deployment = &claim.deployment;
        let callers = match deployment.is_automatic() {
            true => self
                .accepted_callers()
                .await
                .map_err(|Lost| NoSession::Lost)?,
            false => Vec::new(),
        };
        self.approval_rule
            .begin(
                deployment.operation,
                deployment.is_automatic(),
                &deployment.started_by,
                &callers,
            )
            .map_err(NoSession::Approval)?;
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
        let keys = self.store.until_answered(Keys::keys).await?.into_iter();
        let accepted = keys.filter(|key| key.revoked_at.is_none());
        Ok(accepted.map(|key| key.caller()).collect())
    }

    fn secrets_of(&self, claim: &Claim) -> Result<RequestSecrets, SealError> {
        match &claim.sealed_secrets {
            Some(sealed) => self.sealer.open(claim.lease.deployment, sealed),
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
