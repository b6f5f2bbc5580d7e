//! Decisions and their results, as nodes pass them to each other.

use iac_runner::session::Status;
use serde::{Deserialize, Serialize};
use tracing::error;

use super::decision::Decision;
use crate::auth::Caller;
use crate::causes::Causes;
use crate::service::DecisionError;
use crate::store::HandedOver;

/// A decision and who made it, as stored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ForwardedDecision {
    by: String,
    /// One role, or several separated by commas.
    role: String,
    #[serde(flatten)]
    decision: Decision,
}

/// The result of a decision.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(super) enum DecisionResult {
    Done,
    NotFound,
    Refused { status: Status, problem: String },
    Failed,
}

impl ForwardedDecision {
    pub(super) fn new(decision: &Decision, caller: &Caller) -> Self {
        Self {
            by: caller.name.clone(),
            role: caller.roles.to_string(),
            decision: decision.clone(),
        }
    }

    /// Returns a decision and who made it; `None` if this version does not understand it.
    pub(super) fn read(handed: &HandedOver) -> Option<(Decision, Caller)> {
        let message: Self = serde_json::from_value(handed.decision.clone()).ok()?;
        let caller = Caller {
            name: message.by,
            roles: message.role.parse().ok()?,
        };
        Some((message.decision, caller))
    }
}

impl DecisionResult {
    pub(super) fn of(done: Result<(), DecisionError>) -> Self {
        match done {
            Ok(()) => Self::Done,
            Err(DecisionError::NotFound) => Self::NotFound,
            Err(DecisionError::Conflict { status, problem }) => Self::Refused { status, problem },
            // The sending node applied the same rule, but its configuration may differ.
            Err(DecisionError::Refused(refusal)) => Self::Refused {
                status: Status::AwaitingApproval,
                problem: refusal.to_string(),
            },
            Err(
                fault @ (DecisionError::Session(_)
                | DecisionError::Store(_)
                | DecisionError::Elsewhere { .. }),
            ) => {
                error!(
                    error = %Causes(&fault),
                    "forwarded decision not carried out"
                );
                Self::Failed
            }
        }
    }

    pub(super) fn into_result(self, node: &str) -> Result<(), DecisionError> {
        match self {
            Self::Done => Ok(()),
            Self::NotFound => Err(DecisionError::NotFound),
            Self::Refused { status, problem } => Err(DecisionError::Conflict { status, problem }),
            Self::Failed => Err(DecisionError::Elsewhere {
                node: node.to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::auth::Roles;
    use crate::store::DeploymentId;

    #[test]
    fn a_decision_arrives_as_it_was_made() {
        let digest = "a".repeat(64);
        let roles: Roles = "deployer,approver".parse().unwrap();
        let decisions = [
            Decision::Approve {
                comment: "as \"discussed\"".to_owned(),
                plan_digest: Some(digest.parse().unwrap()),
            },
            Decision::Approve {
                comment: String::new(),
                plan_digest: None,
            },
            Decision::Reject {
                comment: "no".to_owned(),
            },
            Decision::Cancel,
            Decision::ForceCancel,
        ];
        for decision in decisions {
            let ann = Caller {
                name: "ann".to_owned(),
                roles,
            };
            let message = ForwardedDecision::new(&decision, &ann);
            let handed = HandedOver {
                number: 1,
                deployment: DeploymentId::new(),
                decision: serde_json::to_value(&message).unwrap(),
            };
            let (arrived, caller) = ForwardedDecision::read(&handed).unwrap();
            assert_eq!(arrived, decision);
            assert_eq!((caller.name.as_str(), caller.roles), ("ann", roles));
        }
    }

    #[test]
    fn what_is_no_decision_is_none() {
        for decision in [
            json!(null),
            json!({"by": "ann", "role": "admin", "decision": "approve_all"}),
            json!({"by": "ann", "role": "king", "decision": "cancel"}),
        ] {
            let handed = HandedOver {
                number: 1,
                deployment: DeploymentId::new(),
                decision,
            };
            assert!(ForwardedDecision::read(&handed).is_none(), "{handed:?}");
        }
    }
}
