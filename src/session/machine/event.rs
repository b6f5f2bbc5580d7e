//! Events of a session, as stored in the journal.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::state::Stop;
use crate::checkout::CommitSha;
use crate::process::boot_id;
use crate::protocol::{Diagnosis, StateReport};
use crate::session::approval::binding::Binding;
use crate::session::approval::digest::PlanDigest;

/// One thing that happened or is about to: an event is durable before its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Event {
    /// The directory, credentials and CLI configuration exist.
    Prepared,
    /// The source was checked out.
    CheckedOut {
        /// `None` for a source that is not git.
        commit: Option<CommitSha>,
        /// The whole source.
        root: PathBuf,
        /// Where the tool runs.
        work_dir: PathBuf,
        /// Digest of its files, which detects damage after a power loss, since the files are not synced. `None` for
        /// a directory that does not belong to the session.
        #[serde(default)]
        digest: Option<String>,
    },
    /// A run with a run directory is about to be started.
    RunStarted {
        /// Its name below `runs/`.
        run: String,
        /// Boot id of the machine; `None` if the system does not provide one.
        #[serde(default)]
        boot: Option<String>,
    },
    /// `init` has succeeded and the workspace is selected.
    Initialised {
        /// What confined the tool; `None` if nothing did.
        #[serde(default)]
        sandbox: Option<String>,
    },
    /// The configuration is valid.
    Validated,
    /// A plan was made.
    Planned(Box<Planned>),
    /// The plan was approved.
    Approved(Decision),
    /// The plan was rejected.
    Rejected(Decision),
    /// The approval deadline passed without a decision.
    Expired,
    /// The approved plan was applied.
    Applied {
        /// The run's report on the state.
        state: Option<StateReport>,
    },
    /// The outputs were read, or could not be, which changes nothing of what was applied.
    OutputsRead {
        /// What could not be read of the plan and the outputs, one sentence each.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
    },
    /// A stop was requested.
    StopRequested {
        /// How hard.
        stop: Stop,
        /// By whom.
        by: String,
    },
    /// The current step ended because of the stop.
    Stopped {
        /// How.
        end: StopEnd,
        /// The last error of the tool or the checkout.
        error: String,
        /// The run's report on the state.
        state: Option<StateReport>,
    },
    /// The current step failed.
    Failed(Box<Failure>),
}

/// A plan, and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub(crate) changes: Changes,
    pub(crate) digest: PlanDigest,
    pub(crate) binding: Binding,
    /// Deadline of the approval.
    pub(crate) deadline: DateTime<Utc>,
    /// Warnings about the plan, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// Whether a plan has anything to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Changes {
    Some,
    None,
}

/// The decision of a person, or of the request itself, about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    pub(crate) by: String,
    pub(crate) comment: String,
    /// The digest of the plan; a rejection may leave it out.
    pub(crate) digest: Option<PlanDigest>,
}

/// How a stopped step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StopEnd {
    Graceful,
    Killed,
}

/// Why something failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// One sentence that tells the user what to do.
    pub(crate) error: String,
    pub(crate) diagnosis: Option<Diagnosis>,
    pub(crate) state: Option<StateReport>,
}

/// Kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// The step itself failed.
    Fault,
    /// It ran into its timeout.
    TimedOut,
    /// The current state differs from what was approved.
    Void,
    /// The process that drove the session ended, and the phase cannot be resumed; nothing was applied.
    Interrupted,
    /// How the run ended cannot be determined.
    Lost,
    /// The session failed in its own work.
    Internal,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, error: impl Into<String>) -> Self {
        Self {
            kind,
            error: error.into(),
            diagnosis: None,
            state: None,
        }
    }
}

impl Event {
    /// Returns the event for a run that is about to start now, on this machine.
    pub(crate) fn run_started(run: String) -> Self {
        Self::RunStarted {
            run,
            boot: boot_id(),
        }
    }

    /// Returns whether the event is synced to disk by itself, unless the driver knows that it would be repeated.
    ///
    /// The other events record work that can be repeated. The work that follows begins with a synced event, which
    /// also syncs them.
    pub(crate) const fn is_durable(&self) -> bool {
        match self {
            Self::Prepared | Self::CheckedOut { .. } | Self::Initialised { .. } => false,
            Self::RunStarted { .. }
            | Self::Validated
            | Self::Planned(_)
            | Self::Approved(_)
            | Self::Rejected(_)
            | Self::Expired
            | Self::Applied { .. }
            | Self::OutputsRead { .. }
            | Self::StopRequested { .. }
            | Self::Stopped { .. }
            | Self::Failed(_) => true,
        }
    }

    /// Returns the name of the event in the journal.
    pub(crate) const fn word(&self) -> &'static str {
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
            Self::OutputsRead { .. } => "outputs_read",
            Self::StopRequested { .. } => "stop_requested",
            Self::Stopped { .. } => "stopped",
            Self::Failed(_) => "failed",
        }
    }
}
