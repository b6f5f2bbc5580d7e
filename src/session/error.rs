//! What a session cannot do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{InvalidRequest, Phase, PlanDigest, Reason};
use crate::client::ClientError;

/// What was asked for and does not fit where the session is; nothing has happened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IllegalTransition {
    /// There is no plan to decide about so far.
    #[error("there is no plan to decide about yet")]
    NoPlanYet,
    /// Somebody has decided already.
    #[error("the plan was decided about already")]
    AlreadyDecided,
    /// The plan has nothing to apply.
    #[error("the plan has nothing to apply, so there is nothing to decide")]
    NothingToDecide,
    /// The decision is about another plan than the one that waits.
    #[error("the decision is about another plan, the one that waits is `{waiting}`")]
    OtherDigest {
        /// The digest of the plan that waits.
        waiting: PlanDigest,
    },
    /// The session is over.
    #[error("the deployment has ended ({})", word(*.reason))]
    Finished {
        /// How it ended.
        reason: Reason,
    },
    /// The session is stopping and begins nothing more.
    #[error("the deployment is stopping")]
    Stopping,
    /// Nobody asked for a stop.
    #[error("no stop was requested for the deployment")]
    NotStopping,
    /// The event is of another part of the session's way.
    #[error("`{event}` does not happen in phase `{}`", .phase.word())]
    OutOfPlace {
        /// The event.
        event: &'static str,
        /// The phase that the session is in.
        phase: Phase,
    },
}

/// Why a call of a session's handle did nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// It does not fit where the session is.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The session was recovered, and the values that are not kept on disk were not given back.
    #[error(
        "the values of {} are not kept on disk: give them back with `Session::supply` first",
        quoted(names)
    )]
    SecretsMissing {
        /// The fields whose values are missing.
        names: Vec<String>,
    },
    /// What is to stand in the journal is too long; nothing was done.
    #[error("`{field}` is longer than {most_bytes} bytes")]
    TooLong {
        /// The argument.
        field: &'static str,
        /// What it may have.
        most_bytes: usize,
    },
    /// The journal could not be written, so nothing was done.
    #[error("the journal could not be written, so nothing was done")]
    Journal(#[source] io::Error),
    /// The task that carries the session is gone, with its runtime; the session can be recovered.
    #[error("the task of the session is gone; recover it from `{}`", .dir.display())]
    Gone {
        /// The session's directory.
        dir: PathBuf,
    },
}

/// Why a session could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The request is not valid.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The session's directory could not be made.
    #[error("the session's directory `{}` could not be made", .dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory for all sessions has a name that the tools cannot be told.
    #[error("sessions cannot be kept in `{}`: its path {problem}", .root.display())]
    Root {
        /// The directory.
        root: PathBuf,
        /// What is wrong with its path.
        problem: &'static str,
    },
    /// This is not called under tokio.
    #[error("there is no tokio runtime to carry the session")]
    NoRuntime,
}

/// Why a session could not be taken up again.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The directory holds no session.
    #[error("`{}` holds no session", .dir.display())]
    NoSession {
        /// The directory.
        dir: PathBuf,
    },
    /// A process, maybe this one, carries the session.
    #[error("the session in `{}` is being carried by a process", .dir.display())]
    InUse {
        /// The session's directory.
        dir: PathBuf,
    },
    /// The journal does not say what a session's journal says.
    #[error("line {line} of the journal in `{}` cannot be understood: {problem}", .dir.display())]
    Malformed {
        /// The session's directory.
        dir: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The directory could not be read.
    #[error("the session in `{}` could not be read", .dir.display())]
    Read {
        /// The session's directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The runner is not there.
    #[error("the session cannot go on without the runner")]
    Runner(#[source] Box<ClientError>),
    /// This is not called under tokio.
    #[error("there is no tokio runtime to carry the session")]
    NoRuntime,
}

/// The word on the wire.
fn word(reason: Reason) -> String {
    serde_json::to_value(reason)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
