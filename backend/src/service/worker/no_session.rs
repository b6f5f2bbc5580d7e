//! Why a claimed deployment has no session.

use iac_runner::session::request::RecordError;
use iac_runner::session::{Reason, RecoverError, StartError};
use thiserror::Error;

use crate::auth::Denial;
use crate::sealing::SealError;

/// Why a claimed deployment has no session.
#[derive(Debug, Error)]
pub(super) enum NoSession {
    /// Another node has claimed it.
    #[error("the deployment was taken over by another node")]
    Lost,
    /// It now needs the approval of another person.
    #[error("the deployment was queued with `auto_approve`, and is not begun")]
    Approval(#[source] Denial),
    /// Its secrets cannot be decrypted.
    #[error(transparent)]
    Secrets(#[from] SealError),
    /// Its stored record is not a valid request.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No session could be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Its session could not be recovered.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Work had begun, and none of it is on this disk.
    #[error(
        "work on the deployment had begun and its directory `{}` is missing, so the outcome is unknown: check the \
         state and its lock before you deploy again",
        .dir.display()
    )]
    SessionLost {
        /// The directory.
        dir: std::path::PathBuf,
    },
    /// Its apply had begun, and the journal does not record that.
    #[error(
        "the apply had begun and the directory `{}` is an older copy, so the outcome is unknown: check the state and its \
         lock before you deploy again",
        .dir.display()
    )]
    Outdated {
        /// The directory of the session.
        dir: std::path::PathBuf,
    },
    /// Its directory could not be created; nothing has begun.
    #[error("the directory of the deployment could not be made")]
    Fence(#[source] std::io::Error),
    /// Its directory could not be read.
    #[error("the directory of the deployment could not be read")]
    Directory(#[source] std::io::Error),
}

impl NoSession {
    /// Returns the reason with which the deployment ends.
    pub(super) const fn reason(&self) -> Reason {
        match self {
            // Work may have begun; its outcome cannot be known.
            Self::Recover(_)
            | Self::Directory(_)
            | Self::SessionLost { .. }
            | Self::Outdated { .. } => Reason::Unknown,
            Self::Approval(_)
            | Self::Fence(_)
            | Self::Secrets(_)
            | Self::Record(_)
            | Self::Start(_) => Reason::PreparationFailed,
            Self::Lost => Reason::Internal,
        }
    }
}
