//! Where a session stands, for whoever asks.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Operation, Phase, PlanDigest, Reason, SessionId, Status};
use crate::checkout::CommitSha;
use crate::protocol::{Diagnosis, StateReport, Tool};

/// Where a session stands at a moment.
///
/// What the deployment API calls `status`; its logs, plan and outputs are had from the handle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// The session.
    pub id: SessionId,
    /// The tool that runs.
    pub tool: Tool,
    /// What the session is to do.
    pub operation: Operation,
    /// Whether it runs, waits, or how it ended.
    pub status: Status,
    /// What it is at.
    pub phase: Phase,
    /// Why it ended as it did; none before its end.
    pub reason: Option<Reason>,
    /// One sentence that a person can act on, when something went wrong; empty otherwise.
    pub error: String,
    /// What a person should know although nothing went wrong, one sentence each.
    pub warnings: Vec<String>,
    /// What went wrong, when the tool's output tells.
    pub diagnosis: Option<Diagnosis>,
    /// What became of the state, after an apply.
    pub state: Option<StateReport>,
    /// What the tools are confined by, such as `landlock-7`; none when they are not, and before `init` was done.
    pub sandbox: Option<String>,
    /// When the session was started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The commit that was checked out; none before that, and for a source that is not git.
    pub commit: Option<CommitSha>,
    /// The digest that an approval has to name; none before there is a plan.
    pub plan_digest: Option<PlanDigest>,
    /// Until when an approval is waited for; none when none is.
    pub approval_deadline: Option<DateTime<Utc>>,
    /// What was decided about the plan.
    pub decision: Option<DecisionMade>,
    /// Who asked for the session to stop.
    pub stop_requested_by: Option<String>,
    /// Each phase that was entered, in order.
    pub phases: Vec<PhaseTimes>,
}

/// What somebody decided about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionMade {
    /// Whether the plan was approved or rejected.
    pub verdict: Verdict,
    /// Who decided.
    pub by: String,
    /// What they said.
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A decision about a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is to be applied.
    Approved,
    /// It is not.
    Rejected,
}

/// When a session was in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTimes {
    /// The phase.
    pub phase: Phase,
    /// When it was entered.
    pub started_at: DateTime<Utc>,
    /// When it was left; none while the session is in it.
    pub ended_at: Option<DateTime<Utc>>,
}
