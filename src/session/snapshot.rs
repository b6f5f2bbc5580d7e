//! The public state of a session.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::checkout::CommitSha;
use crate::protocol::{Diagnosis, StateReport, Tool};
use crate::session::{Operation, Phase, PlanDigest, Reason, SessionId, Status};

/// The state of a session at one moment.
///
/// The deployment API calls it `status`; the handle provides its logs, plan and outputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    /// Id of the session.
    pub id: SessionId,
    /// The tool.
    pub tool: Tool,
    /// The operation.
    pub operation: Operation,
    /// Whether it runs, waits, or how it ended.
    pub status: Status,
    /// The current phase.
    pub phase: Phase,
    /// Why it ended; `None` before its end.
    pub reason: Option<Reason>,
    /// One sentence that tells the user what to do if something went wrong; empty otherwise.
    pub error: String,
    /// Warnings when nothing went wrong, one sentence each.
    pub warnings: Vec<String>,
    /// What went wrong, if the tool's output shows it.
    pub diagnosis: Option<Diagnosis>,
    /// What happened to the state, after an apply.
    pub state: Option<StateReport>,
    /// What confines the tools, such as `landlock-7`; `None` if nothing does, and before `init` has succeeded.
    pub sandbox: Option<String>,
    /// When the session was started.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// The commit that was checked out; `None` before that, and for a source that is not git.
    pub commit: Option<CommitSha>,
    /// The digest that an approval has to name; `None` before a plan exists.
    pub plan_digest: Option<PlanDigest>,
    /// Deadline of the approval; `None` if no plan waits.
    pub approval_deadline: Option<DateTime<Utc>>,
    /// The decision about the plan.
    pub decision: Option<DecisionMade>,
    /// Who requested the stop.
    pub stop_requested_by: Option<String>,
    /// Each phase that was entered, in order.
    pub phases: Vec<PhaseTimes>,
}

/// The decision about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionMade {
    /// Whether the plan was approved or rejected.
    pub verdict: Verdict,
    /// Who decided.
    pub by: String,
    /// Their comment.
    pub comment: String,
    /// When they decided.
    pub at: DateTime<Utc>,
}

/// Whether a plan is to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The plan is to be applied.
    Approved,
    /// The plan is not to be applied.
    Rejected,
}

/// The period of a session in one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTimes {
    /// The phase.
    pub phase: Phase,
    /// When the session entered it.
    pub started_at: DateTime<Utc>,
    /// When the session left it; `None` while the session is in it.
    pub ended_at: Option<DateTime<Utc>>,
}
