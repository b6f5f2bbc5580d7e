//! Where a session is, more exactly than its status says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::digest::PlanDigest;
use super::{Operation, Phase, Reason, Status};

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Something is being done.
    Active { stage: Stage, stop: Option<Stop> },
    /// A plan waits for somebody to decide.
    AwaitingApproval {
        digest: PlanDigest,
        deadline: DateTime<Utc>,
    },
    /// Nothing happens any more.
    Finished(Reason),
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Initializing,
    Cloning,
    Init,
    Validate,
    Plan,
    /// A plan was approved and no apply has begun: what is there is held against what was approved.
    Check,
    /// An apply may have begun.
    Apply,
    Outputs(After),
}

/// What was done before the outputs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    Applied,
    NoChanges,
}

/// How hard a session is to stop, the harder the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stop {
    Cancel,
    Force,
}

/// What of the request decides about the way that a session takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Charter {
    pub(super) operation: Operation,
}

impl State {
    pub(super) const START: Self = Self::Active {
        stage: Stage::Initializing,
        stop: None,
    };

    pub(super) const fn status(&self) -> Status {
        match self {
            Self::Active { .. } => Status::Running,
            Self::AwaitingApproval { .. } => Status::AwaitingApproval,
            Self::Finished(reason) => reason.status(),
        }
    }

    pub(super) const fn phase(&self) -> Phase {
        match self {
            Self::Active { stage, .. } => stage.phase(),
            Self::AwaitingApproval { .. } => Phase::Plan,
            Self::Finished(_) => Phase::Completed,
        }
    }

    pub(super) const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Finished(reason) => Some(*reason),
            Self::Active { .. } | Self::AwaitingApproval { .. } => None,
        }
    }
}

impl Stage {
    pub(super) const fn phase(self) -> Phase {
        match self {
            Self::Initializing => Phase::Initializing,
            Self::Cloning => Phase::Cloning,
            Self::Init => Phase::Init,
            Self::Validate | Self::Plan => Phase::Plan,
            Self::Check | Self::Apply | Self::Outputs(_) => Phase::Apply,
        }
    }
}

impl After {
    pub(super) const fn reason(self) -> Reason {
        match self {
            Self::Applied => Reason::Applied,
            Self::NoChanges => Reason::NoChanges,
        }
    }
}
