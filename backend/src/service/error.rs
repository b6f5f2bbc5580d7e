//! What the service cannot do.

use iac_runner::client::ClientError;
use iac_runner::registry::HostFault;
use iac_runner::session::request::{FieldFault, InvalidRequest, RecordError};
use iac_runner::session::{Operation, RecoverError, SessionError, StartError, Status};
use thiserror::Error;

use crate::auth::Refusal;
use crate::sealing::SealError;
use crate::store::StoreError;

/// Why there is no service.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data directory cannot be used.
    #[error(
        "the data directory `{}` cannot be used: it has to belong to the user of the service, \
         or be another one, by `store.data_dir` (--data-dir)", .dir.display()
    )]
    DataDir {
        /// The directory.
        dir: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another service has it.
    #[error("another service uses the data directory `{}`", .dir.display())]
    InUse {
        /// The directory.
        dir: std::path::PathBuf,
    },
    /// A process with another data directory serves under the name.
    #[error(
        "the node name `{name}` is in use by another data directory, which gave a sign of life and keeps it for {seconds_left} \
         more seconds: give this service a name of its own with `--node`, or start it with the data directory of that node"
    )]
    NodeInUse {
        /// The name.
        name: String,
        /// When its lease ends, if no further sign of life comes.
        seconds_left: u64,
    },
    /// A node with another data directory carries deployments.
    #[error(
        "the node name `{name}` belongs to another data directory, which still carries {deployments} deployment(s): start this \
         service with that data directory, or give it a name of its own with `--node`; if that directory is lost, end its \
         deployments with `iac-backend abandon` first"
    )]
    NodeCarries {
        /// The name.
        name: String,
        /// How many deployments it carries.
        deployments: u64,
    },
    /// The store could not keep the name of the node.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runner is not there.
    #[error("there is no `iac-runner` to carry out deployments")]
    Runner(#[source] Box<ClientError>),
    /// A sandbox is required, and the kernel can't make a complete one.
    #[error("{0}")]
    Sandbox(String),
    /// A path that the sandbox opens contains files of the service.
    #[error(
        "`{setting}` lists `{}`, which contains {what}: every configuration could read it; list only the paths that \
         configurations need, or keep {what} elsewhere", .path.display()
    )]
    Exposed {
        /// The setting.
        setting: &'static str,
        /// The listed path.
        path: std::path::PathBuf,
        /// The file or directory that it contains.
        what: &'static str,
    },
    /// The registry has no address.
    #[error("the address of the registry cannot be")]
    Registry(#[source] HostFault),
}

/// Why a service ended by itself.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// Another process has started under its name, with a copy of its data directory.
    #[error(
        "another process took the node name `{name}`, with a copy of this data directory: run one of them only, or give \
         each a data directory of its own"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The store could not say what was left.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a deployment was not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The request cannot be.
    #[error("the request is not valid")]
    Invalid(Vec<FieldFault>),
    /// The caller may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its secrets could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InvalidRequest> for RequestError {
    fn from(invalid: InvalidRequest) -> Self {
        Self::Invalid(invalid.faults)
    }
}

/// Why a deployment was not started anew.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RetryError {
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NotFound,
    /// It is not over.
    #[error("the deployment is not over")]
    NotOver {
        /// Where it is.
        status: Status,
    },
    /// What it did may have changed something, so somebody has to ask for it in so many words.
    #[error("`{}` is not done again by itself: start a new deployment", .operation.word())]
    MayChange {
        /// What it did.
        operation: Operation,
        /// How it ended.
        status: Status,
    },
    /// Its secrets are gone, and were not sent again.
    #[error("the secrets of a deployment that is over are not kept: send them again")]
    SecretsMissing(Vec<FieldFault>),
    /// Its record is none of a request.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The request cannot be any more, or could not be kept.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a decision did nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NotFound,
    /// This one may not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It does not fit where the deployment is.
    #[error("{problem}")]
    Conflict {
        /// Where the deployment is.
        status: Status,
        /// Why it does not fit.
        problem: String,
    },
    /// The session could not do it.
    #[error(transparent)]
    Session(SessionError),
    /// The node that carries the deployment could not do it.
    #[error("the node `{node}`, which carries the deployment, could not do it; its log says why")]
    Elsewhere {
        /// The node.
        node: String,
    },
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a claimed deployment has no session.
#[derive(Debug, Error)]
pub(super) enum CarryError {
    /// Another node has it.
    #[error("the deployment was taken over by another node")]
    Lost,
    /// It has to be approved by another person by now.
    #[error("the deployment was queued with `auto_approve`, and is not begun")]
    Approval(#[source] Refusal),
    /// Its secrets do not open.
    #[error(transparent)]
    Secrets(#[from] SealError),
    /// Its record is none of a request.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// No session could be started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The session that is there could not be taken up again.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The work had begun, and nothing of it is on this disk.
    #[error(
        "work on the deployment had begun and its directory `{}` is gone, so what became of it is not known: look at the \
         state and its lock before you deploy again",
        .dir.display()
    )]
    SessionLost {
        /// The directory.
        dir: std::path::PathBuf,
    },
    /// The directory for it could not be made; nothing has begun.
    #[error("the directory of the deployment could not be made")]
    Fence(#[source] std::io::Error),
    /// Its directory could not be looked into.
    #[error("the directory of the deployment could not be read")]
    Directory(#[source] std::io::Error),
}
