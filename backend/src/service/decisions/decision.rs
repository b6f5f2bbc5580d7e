//! Approve, reject, cancel and force-cancel.

use chrono::Utc;
use iac_runner::session::PlanDigest;
use serde::{Deserialize, Serialize};

use crate::auth::{Approval, Attempt, Caller, Permit};
use crate::store::{DeploymentId, NewAuditEntry};

/// A decision about a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub(crate) enum Decision {
    /// Apply its plan.
    Approve {
        /// The approver's comment.
        comment: String,
        /// The plan that is approved; if omitted, the one that is waiting.
        plan_digest: Option<PlanDigest>,
    },
    /// Do not apply its plan.
    Reject {
        /// The approver's comment.
        comment: String,
    },
    /// Cancel it gracefully.
    Cancel,
    /// Cancel it at once: running tools are killed, and their state may be lost.
    ForceCancel,
}

impl Decision {
    /// Returns what the caller attempts, for the permission check.
    pub(super) const fn attempt<'a>(&self, starter: &'a str) -> Attempt<'a> {
        match self {
            Self::Approve { .. } => Attempt::Approve { starter },
            Self::Reject { .. } => Attempt::Reject,
            Self::Cancel => Attempt::Cancel,
            Self::ForceCancel => Attempt::ForceCancel,
        }
    }

    /// Returns the pending audit entry about the decision.
    pub(super) fn entry(&self, id: DeploymentId, caller: &Caller, permit: Permit) -> NewAuditEntry {
        let (action, detail) = match self {
            Self::Approve { comment, .. } => ("approve", comment.clone()),
            Self::Reject { comment } => ("reject", comment.clone()),
            Self::Cancel => ("cancel", String::new()),
            Self::ForceCancel => ("force-cancel", String::new()),
        };
        NewAuditEntry {
            at: Utc::now(),
            actor: caller.name.clone(),
            action: action.to_owned(),
            deployment: Some(id),
            detail,
            by_starter: permit.approval() == Approval::ByStarter,
        }
    }
}
