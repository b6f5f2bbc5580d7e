//! Names for the state of a session and for how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a session, as a client of the deployment API sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A step is running.
    Running,
    /// A plan waits for a decision.
    AwaitingApproval,
    /// The session ended and succeeded.
    Success,
    /// The session ended and did not succeed.
    Failed,
    /// The session ended because a stop was requested, or the plan was rejected or expired.
    Cancelled,
}

/// The phase of a session, as a client of the deployment API sees it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The session's directory, credentials and CLI configuration.
    Initializing,
    /// The source is fetched.
    Cloning,
    /// `init`, and the selection of the workspace.
    Init,
    /// `plan` or `validate`, and the wait for an approval.
    Plan,
    /// The check of the approved plan, `apply`, and the outputs.
    Apply,
    /// Nothing is left to do.
    Completed,
}

impl Phase {
    /// Returns the word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Cloning => "cloning",
            Self::Init => "init",
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Completed => "completed",
        }
    }
}

/// Why a session ended; more precise than its [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The approved plan was applied.
    Applied,
    /// The approved destroy plan was applied.
    Destroyed,
    /// Only a plan was requested, and it has changes.
    Planned,
    /// The plan has nothing to apply.
    NoChanges,
    /// The configuration is valid.
    Validated,
    /// A resource differs from the state.
    DriftFound,
    /// No resource differs from the state.
    NoDrift,
    /// The plan was rejected.
    Rejected,
    /// The approval deadline passed without a decision.
    Expired,
    /// The session was cancelled, and the tool, if one ran, ended gracefully.
    Cancelled,
    /// The session was cancelled, and the tool had to be killed: by force, or because the grace period expired.
    Killed,
    /// The session's directory, credentials or CLI configuration could not be set up.
    PreparationFailed,
    /// The source could not be fetched.
    CheckoutFailed,
    /// `init` failed.
    InitFailed,
    /// The configuration is not valid.
    ValidateFailed,
    /// `plan` failed, or its plan could not be read.
    PlanFailed,
    /// What was to be applied differs from what was approved; nothing was applied.
    ApprovalVoid,
    /// `apply` failed; the state records what was done.
    ApplyFailed,
    /// A command ran into its timeout.
    TimedOut,
    /// The process that drove the session ended in a phase that cannot be resumed; no apply had begun.
    Interrupted,
    /// How a command ended cannot be determined; an apply may have changed something.
    Unknown,
    /// The session failed in its own work, such as writing its journal.
    Internal,
}

impl Reason {
    /// Returns the status of a session with this reason.
    pub const fn status(self) -> Status {
        match self {
            Self::Applied
            | Self::Destroyed
            | Self::Planned
            | Self::NoChanges
            | Self::Validated
            | Self::DriftFound
            | Self::NoDrift => Status::Success,
            Self::Rejected | Self::Expired | Self::Cancelled | Self::Killed => Status::Cancelled,
            Self::PreparationFailed
            | Self::CheckoutFailed
            | Self::InitFailed
            | Self::ValidateFailed
            | Self::PlanFailed
            | Self::ApprovalVoid
            | Self::ApplyFailed
            | Self::TimedOut
            | Self::Interrupted
            | Self::Unknown
            | Self::Internal => Status::Failed,
        }
    }
}
