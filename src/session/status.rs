//! The words for where a session is and how it ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a session stands, as a client of the deployment API sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something is being done.
    Running,
    /// The plan is there and somebody has to decide.
    AwaitingApproval,
    /// It ended and did what was asked.
    Success,
    /// It ended and did not.
    Failed,
    /// It ended because somebody wanted it to, or nobody approved in time.
    Cancelled,
}

/// What a session is at, as a client of the deployment API sees it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The session's directory, credentials and CLI configuration.
    Initializing,
    /// The source is fetched.
    Cloning,
    /// `init`, and the choice of the workspace.
    Init,
    /// `plan` or `validate`, and the wait for an approval.
    Plan,
    /// The check of what was approved, `apply`, and the outputs.
    Apply,
    /// Nothing is left to do.
    Completed,
}

impl Phase {
    /// The word on the wire.
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

/// Why a session ended as it did; tells apart what its [`Status`] does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The approved plan was applied.
    Applied,
    /// The approved plan to destroy was applied.
    Destroyed,
    /// The plan was all that was asked for, and it has changes.
    Planned,
    /// The plan has nothing to apply.
    NoChanges,
    /// The configuration is valid.
    Validated,
    /// Resources were changed or deleted behind the tool's back; the plan's `drift` lists them.
    DriftFound,
    /// Each resource is as the state has it. The configuration may differ, as by an output that is new.
    NoDrift,
    /// Somebody refused the plan.
    Rejected,
    /// Nobody decided about the plan in time.
    Expired,
    /// Somebody cancelled, and the tool, if one ran, ended gracefully.
    Cancelled,
    /// Somebody cancelled, and the tool had to be killed: by force, or because the grace ran out.
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
    /// What was to be applied is not what was approved; nothing was applied.
    ApprovalVoid,
    /// `apply` failed; the state says what was done.
    ApplyFailed,
    /// A command ran into its timeout.
    TimedOut,
    /// The process that held the session ended in a phase that could not be taken up again; no apply had
    /// begun.
    Interrupted,
    /// It cannot be known how a command ended; an apply may have changed something.
    Unknown,
    /// The session could not do its own part, such as write its journal.
    Internal,
}

impl Reason {
    /// The status that a session with this reason has.
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
