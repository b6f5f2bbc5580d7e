//! What happens to a session, as the journal has it.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::binding::Binding;
use super::digest::PlanDigest;
use super::state::Stop;
use crate::checkout::CommitSha;
use crate::protocol::{Diagnosis, StateReport};

/// One thing that happened, or that is about to: an event is durable before its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// The directory, credentials and CLI configuration are there.
    Prepared,
    /// The source is there.
    CheckedOut {
        /// None for a source that is not git.
        commit: Option<CommitSha>,
        /// The whole source.
        root: PathBuf,
        /// Where the tool runs.
        work_dir: PathBuf,
        /// Digest of its files, by which it is known again after a loss of power: nobody syncs them. None for
        /// a directory that is not the session's own.
        #[serde(default)]
        digest: Option<String>,
    },
    /// A run with a run directory is about to be started.
    RunStarted {
        /// Its name below `runs/`.
        run: String,
        /// When the machine was last started, in its own words; none if it does not tell.
        #[serde(default)]
        boot: Option<String>,
    },
    /// `init` is done and the workspace chosen.
    Initialised {
        /// What the tool was confined by; none if it was not.
        #[serde(default)]
        sandbox: Option<String>,
    },
    /// The configuration is valid.
    Validated,
    /// There is a plan.
    Planned(Box<Planned>),
    /// Somebody wants the plan to be applied.
    Approved(Decision),
    /// Somebody does not.
    Rejected(Decision),
    /// Nobody decided in time.
    Expired,
    /// The approved plan was applied.
    Applied {
        /// What the run said of the state.
        state: Option<StateReport>,
    },
    /// The outputs were read, or could not be, which changes nothing of what was done.
    OutputsRead,
    /// Somebody wants the session to end.
    StopRequested {
        /// How hard.
        stop: Stop,
        /// Who.
        by: String,
    },
    /// What was being done has ended on account of that.
    Stopped {
        /// How.
        end: StopEnd,
        /// What the tool or the checkout said last.
        error: String,
        /// What the run said of the state.
        state: Option<StateReport>,
    },
    /// What was being done has failed.
    Failed(Box<Failure>),
}

/// A plan, and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    pub(super) changes: Changes,
    pub(super) digest: PlanDigest,
    pub(super) binding: Binding,
    /// Until when an approval is waited for.
    pub(super) deadline: DateTime<Utc>,
    /// What a person should know about it, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// Whether a plan has anything to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Changes {
    Some,
    None,
}

/// What a person, or the request for them, decided about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decision {
    pub(super) by: String,
    pub(super) comment: String,
    /// The plan that was decided about; a rejection may leave it out.
    pub(super) digest: Option<PlanDigest>,
}

/// How what was to stop has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StopEnd {
    Graceful,
    Killed,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) kind: FailureKind,
    /// One sentence that a person can act on.
    pub(super) error: String,
    pub(super) diagnosis: Option<Diagnosis>,
    pub(super) state: Option<StateReport>,
}

/// In what manner something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FailureKind {
    /// By itself.
    Fault,
    /// It ran into its timeout.
    TimedOut,
    /// What is there is not what was approved.
    Void,
    /// The process that held the session ended, and this cannot be taken up again; nothing was applied.
    Interrupted,
    /// It cannot be known how it ended.
    Lost,
    /// The session could not do its own part.
    Internal,
}

impl Failure {
    pub(super) fn new(kind: FailureKind, error: impl Into<String>) -> Self {
        Self {
            kind,
            error: error.into(),
            diagnosis: None,
            state: None,
        }
    }
}

impl Event {
    /// A run is about to be started, now, on this machine.
    pub(super) fn run_started(run: String) -> Self {
        Self::RunStarted {
            run,
            boot: super::boot::id(),
        }
    }

    /// Whether it is durable by itself, also against a loss of power, unless the driver knows that it comes
    /// about again.
    ///
    /// Those that are not say that something is done that can be done again, and whatever follows begins with
    /// one that is, which takes them along.
    pub(super) const fn is_durable(&self) -> bool {
        match self {
            Self::Prepared | Self::CheckedOut { .. } | Self::Initialised { .. } => false,
            Self::RunStarted { .. }
            | Self::Validated
            | Self::Planned(_)
            | Self::Approved(_)
            | Self::Rejected(_)
            | Self::Expired
            | Self::Applied { .. }
            | Self::OutputsRead
            | Self::StopRequested { .. }
            | Self::Stopped { .. }
            | Self::Failed(_) => true,
        }
    }

    /// The word for it in the journal.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Prepared => "prepared",
            Self::CheckedOut { .. } => "checked_out",
            Self::RunStarted { .. } => "run_started",
            Self::Initialised { .. } => "initialised",
            Self::Validated => "validated",
            Self::Planned(_) => "planned",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Expired => "expired",
            Self::Applied { .. } => "applied",
            Self::OutputsRead => "outputs_read",
            Self::StopRequested { .. } => "stop_requested",
            Self::Stopped { .. } => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}
