//! The internal state of a session, more precise than its status.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::session::approval::digest::PlanDigest;
use crate::session::{Operation, Phase, Reason, Status};

/// The state of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A step is running.
    Active { stage: Stage, stop: Option<Stop> },
    /// A plan waits for a decision.
    AwaitingApproval {
        digest: PlanDigest,
        deadline: DateTime<Utc>,
    },
    /// The session has ended.
    Finished(Reason),
}

/// The running stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Initializing,
    Cloning,
    Init,
    Validate,
    Plan,
    /// A plan was approved and no apply has begun: the current state is compared with what was approved.
    Check,
    /// An apply may have begun.
    Apply,
    Outputs(After),
}

/// What happened before the outputs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Applied,
    NoChanges,
}

/// How hard a session has to stop; a greater value is harder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stop {
    Cancel,
    Force,
}

/// The part of the request that decides the transitions of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charter {
    pub(crate) operation: Operation,
}

impl State {
    pub(crate) const START: Self = Self::Active {
        stage: Stage::Initializing,
        stop: None,
    };

    pub(crate) const fn status(&self) -> Status {
        match self {
            Self::Active { .. } => Status::Running,
            Self::AwaitingApproval { .. } => Status::AwaitingApproval,
            Self::Finished(reason) => reason.status(),
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        match self {
            Self::Active { stage, .. } => stage.phase(),
            Self::AwaitingApproval { .. } => Phase::Plan,
            Self::Finished(_) => Phase::Completed,
        }
    }

    pub(crate) const fn reason(&self) -> Option<Reason> {
        match self {
            Self::Finished(reason) => Some(*reason),
            Self::Active { .. } | Self::AwaitingApproval { .. } => None,
        }
    }
}

impl Stage {
    pub(crate) const fn phase(self) -> Phase {
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
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::Applied => Reason::Applied,
            Self::NoChanges => Reason::NoChanges,
        }
    }
}
