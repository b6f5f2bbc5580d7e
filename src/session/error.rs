//! Errors of a session.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{InvalidRequest, Phase, PlanDigest, Reason};
use crate::client::ClientError;

/// A request that the current state of the session does not allow; nothing has happened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IllegalTransition {
    /// No plan exists yet.
    #[error("there is no plan to decide about yet")]
    NoPlanYet,
    /// The plan has already been decided.
    #[error("the plan was decided about already")]
    AlreadyDecided,
    /// The plan has nothing to apply.
    #[error("the plan has nothing to apply, so there is nothing to decide")]
    NothingToDecide,
    /// The decision is for another plan than the waiting one.
    #[error("the decision is about another plan, the one that waits is `{waiting}`")]
    OtherDigest {
        /// The digest of the waiting plan.
        waiting: PlanDigest,
    },
    /// The session has ended.
    #[error("the deployment has ended ({})", word(*.reason))]
    Finished {
        /// How it ended.
        reason: Reason,
    },
    /// The session is stopping and begins nothing new.
    #[error("the deployment is stopping")]
    Stopping,
    /// No stop was requested.
    #[error("no stop was requested for the deployment")]
    NotStopping,
    /// The event does not belong to the current phase.
    #[error("`{event}` does not happen in phase `{}`", .phase.word())]
    OutOfPlace {
        /// The event.
        event: &'static str,
        /// The current phase of the session.
        phase: Phase,
    },
}

/// Why a call on a session's handle did nothing.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The current state of the session does not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The session was recovered, and the values that are not stored on disk were not supplied.
    #[error(
        "the values of {} are not kept on disk: give them back with `Session::supply` first",
        quoted(names)
    )]
    SecretsMissing {
        /// The fields whose values are missing.
        names: Vec<String>,
    },
    /// A text for the journal is too long; nothing was done.
    #[error("`{field}` is longer than {most_bytes} bytes")]
    TooLong {
        /// The argument.
        field: &'static str,
        /// The limit.
        most_bytes: usize,
    },
    /// The journal could not be written, so nothing was done.
    #[error("the journal could not be written, so nothing was done")]
    Journal(#[source] io::Error),
    /// The task that drives the session is gone, with its runtime; the session can be recovered.
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
    /// The session's directory could not be created.
    #[error("the session's directory `{}` could not be made", .dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path of the directory for all sessions cannot be passed to the tools.
    #[error("sessions cannot be kept in `{}`: its path {problem}", .root.display())]
    Root {
        /// The directory.
        root: PathBuf,
        /// What is wrong with its path.
        problem: &'static str,
    },
    /// Not called under tokio.
    #[error("there is no tokio runtime to carry the session")]
    NoRuntime,
}

/// Why a session could not be recovered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// The directory does not contain a session.
    #[error("`{}` holds no session", .dir.display())]
    NoSession {
        /// The directory.
        dir: PathBuf,
    },
    /// A process, maybe this one, owns the session.
    #[error("the session in `{}` is in use by another process", .dir.display())]
    InUse {
        /// The session's directory.
        dir: PathBuf,
    },
    /// The journal is not a valid journal of a session.
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
        /// The error of the operating system.
        source: io::Error,
    },
    /// The runner was not found.
    #[error("the session cannot go on without the runner")]
    Runner(#[source] Box<ClientError>),
    /// Not called under tokio.
    #[error("there is no tokio runtime to carry the session")]
    NoRuntime,
}

/// Returns the word on the wire.
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
