//! Errors of the service.

use iac_runner::client::ClientError;
use iac_runner::registry::RegistryHostFault;
use iac_runner::session::request::{FieldFault, InvalidRequest, RecordError};
use iac_runner::session::{Operation, SessionError, Status};
use thiserror::Error;

use crate::auth::Denial;
use crate::sealing::SealError;
use crate::store::StoreError;

/// Why a service could not be opened.
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
        /// The system error.
        source: std::io::Error,
    },
    /// Another service uses the data directory.
    #[error("another service uses the data directory `{}`", .dir.display())]
    InUse {
        /// The directory.
        dir: std::path::PathBuf,
    },
    /// A process with another data directory uses the node name.
    #[error(
        "the node name `{name}` is in use by another data directory, which renewed its lease and holds it for {seconds_left} \
         more seconds: give this service a name of its own with `--node`, or start it with the data directory of that node"
    )]
    NodeInUse {
        /// The name.
        name: String,
        /// Seconds until its lease expires if it is not renewed.
        seconds_left: u64,
    },
    /// A process with a copy of the data directory, or with its original, is alive.
    #[error(
        "the node name `{name}` is in use by a process with a copy of this data directory, or with its original: run one of \
         them only; to make this copy a node of its own, without the deployments of the other, remove `{}` from it",
        .identity_file.display()
    )]
    NodeCopied {
        /// The name.
        name: String,
        /// The file with the identity that both have.
        identity_file: std::path::PathBuf,
    },
    /// A node of the same name with another data directory runs deployments.
    #[error(
        "the node name `{name}` belongs to another data directory, which still runs {deployments} deployment(s): start this \
         service with that data directory, or give it a name of its own with `--node`; if that directory is lost, end its \
         deployments with `iac-backend abandon` first"
    )]
    NodeCarries {
        /// The name.
        name: String,
        /// How many deployments it runs.
        deployments: u64,
    },
    /// The store could not save the node name.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The runner program was not found.
    #[error("there is no `iac-runner` to carry out deployments")]
    Runner(#[source] Box<ClientError>),
    /// A sandbox is required and the kernel does not support a complete one.
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
    /// The registry host is not valid.
    #[error("the address of the registry cannot be")]
    Registry(#[source] RegistryHostFault),
}

/// Why a service stopped by itself.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// Another process has started under its node name, with a copy of its data directory.
    #[error(
        "another process took the node name `{name}`, with a copy of this data directory: run one of them only, or give \
         each a data directory of its own"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The store could not list the deployments left by a previous process.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a deployment was not started.
#[derive(Debug, Error)]
pub(crate) enum RequestError {
    /// The request is not valid.
    #[error("the request is not valid")]
    Invalid(Vec<FieldFault>),
    /// The caller lacks permission.
    #[error(transparent)]
    Refused(#[from] Denial),
    /// The secrets could not be encrypted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The deployment could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<InvalidRequest> for RequestError {
    fn from(invalid: InvalidRequest) -> Self {
        Self::Invalid(invalid.faults)
    }
}

/// Why a deployment was not retried.
#[derive(Debug, Error)]
pub(crate) enum RetryError {
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NotFound,
    /// It has not ended.
    #[error("the deployment is not over")]
    NotOver {
        /// Its status.
        status: Status,
    },
    /// It may have changed something, so a new deployment has to be started explicitly.
    #[error("`{}` is not done again by itself: start a new deployment", .operation.word())]
    MayChange {
        /// Its operation.
        operation: Operation,
        /// Its final status.
        status: Status,
    },
    /// Its secrets were deleted and were not sent again.
    #[error("the secrets of an ended deployment are not stored: send them again")]
    SecretsMissing(Vec<FieldFault>),
    /// Its stored record is not a valid request.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The request is no longer valid, or could not be stored.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a decision had no effect.
#[derive(Debug, Error)]
pub(crate) enum DecisionError {
    /// There is no such deployment.
    #[error("there is no such deployment")]
    NotFound,
    /// The caller lacks permission.
    #[error(transparent)]
    Refused(#[from] Denial),
    /// The deployment's status does not allow the decision.
    #[error("{problem}")]
    Conflict {
        /// The deployment's status.
        status: Status,
        /// Why the status does not allow it.
        problem: String,
    },
    /// The session failed.
    #[error(transparent)]
    Session(SessionError),
    /// The node that runs the deployment failed.
    #[error("the node `{node}`, which runs the deployment, could not do it; see its log")]
    Elsewhere {
        /// The node.
        node: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
