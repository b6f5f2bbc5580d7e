//! Decisions about deployments that another node runs.
//!
//! The decision goes to the node that has the session, as a row in the store. That node takes the row once and answers
//! with the session's result. The deciding node waits for this answer, and withdraws a decision that was not taken in
//! time; nothing was done then.

use std::time::Duration;

use iac_runner::session::Status;
use serde::{Deserialize, Serialize};
use tracing::error;

use crate::auth::Caller;
use crate::causes::Causes;
use crate::service::{Decision, DecisionError, Service};
use crate::store::{Deployment, HandedOver, QueueState, StoreError};

/// How often a node checks for decisions from other nodes.
pub(crate) const TAKE_EVERY: Duration = Duration::from_millis(200);
/// How often to check for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a node has to take a decision: many times what it needs, and not longer than a client waits.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// How long it then has to answer: an approval is written to disk before it counts.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// A decision and who made it, as stored.
#[derive(Debug, Serialize, Deserialize)]
struct ForwardedDecision {
    by: String,
    /// One role, or several separated by commas.
    role: String,
    #[serde(flatten)]
    decision: Decision,
}

/// The result of a decision.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum DecisionResult {
    Done,
    NotFound,
    Refused { status: Status, problem: String },
    Failed,
}

impl Service {
    /// Returns the node that runs a deployment, if it is another one.
    pub(crate) fn other_node<'a>(&self, deployment: &'a Deployment) -> Option<&'a str> {
        let node = deployment.node.as_deref()?;
        let is_elsewhere =
            deployment.queue_state == QueueState::Active && node != self.shared.node.name;
        (is_elsewhere && self.store().is_shared()).then_some(node)
    }

    /// Passes a decision to the node that runs the deployment.
    pub(crate) async fn hand_over(
        &self,
        deployment: &Deployment,
        node: &str,
        decision: &Decision,
        caller: &Caller,
    ) -> Result<(), DecisionError> {
        let message = ForwardedDecision {
            by: caller.name.clone(),
            role: caller.roles.to_string(),
            decision: decision.clone(),
        };
        let message = serde_json::to_value(&message).unwrap_or_default();
        let store = self.store();
        let handed = store.hand_over(deployment.id, &message, TAKEN_WITHIN);
        let number = handed.await?;
        let conflict = |problem: String| DecisionError::Conflict {
            status: deployment.progress.status,
            problem,
        };
        if let Some(answer) = self.answer_within(number, TAKEN_WITHIN).await? {
            return answer.into_result(node);
        }
        if store.withdraw(number).await? {
            return Err(conflict(format!(
                "the node `{node}`, which runs the deployment, does not respond; nothing was done"
            )));
        }
        match self.answer_within(number, ANSWERED_WITHIN).await? {
            Some(answer) => answer.into_result(node),
            None => Err(conflict(format!(
                "the node `{node}`, which runs the deployment, accepted this and did not report the result: check \
                 the status"
            ))),
        }
    }

    async fn answer_within(
        &self,
        number: i64,
        limit: Duration,
    ) -> Result<Option<DecisionResult>, StoreError> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            if let Some(answer) = self.store().answer_to(number).await? {
                return Ok(Some(
                    serde_json::from_value(answer).unwrap_or(DecisionResult::Failed),
                ));
            }
            if tokio::time::Instant::now() >= deadline {
                return Ok(None);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Carries out decisions of other nodes about deployments that this node runs.
    pub(crate) async fn take_decisions(&self) {
        if self.shared.active_deployments.is_empty() {
            return;
        }
        match self.store().take_decisions(&self.shared.node.name).await {
            Ok(taken) => {
                for handed in taken {
                    let service = self.clone();
                    tokio::spawn(async move { service.answer(&handed).await });
                }
            }
            Err(fault) => error!(
                error = %Causes(&fault),
                "forwarded decisions not fetched"
            ),
        }
    }

    async fn answer(&self, handed: &HandedOver) {
        let answer = match read(handed) {
            Some((decision, caller)) => {
                // Boxed: a decision may be handed over, and a decision that was handed over is decided again.
                let done = Box::pin(self.decide(handed.deployment, decision, &caller)).await;
                DecisionResult::of(done)
            }
            None => {
                error!(deployment = %handed.deployment, "forwarded decision not understood");
                DecisionResult::Failed
            }
        };
        let answer = serde_json::to_value(answer).unwrap_or_default();
        if let Err(fault) = self.store().answer(handed.number, &answer).await {
            error!(
                deployment = %handed.deployment,
                error = %Causes(&fault),
                "forwarded decision not answered"
            );
        }
    }
}

fn read(handed: &HandedOver) -> Option<(Decision, Caller)> {
    let message: ForwardedDecision = serde_json::from_value(handed.decision.clone()).ok()?;
    let caller = Caller {
        name: message.by,
        roles: message.role.parse().ok()?,
    };
    Some((message.decision, caller))
}

impl DecisionResult {
    fn of(done: Result<(), DecisionError>) -> Self {
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

    fn into_result(self, node: &str) -> Result<(), DecisionError> {
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
            let message = ForwardedDecision {
                by: "ann".to_owned(),
                role: roles.to_string(),
                decision: decision.clone(),
            };
            let handed = HandedOver {
                number: 1,
                deployment: DeploymentId::new(),
                decision: serde_json::to_value(&message).unwrap(),
            };
            let (arrived, caller) = read(&handed).unwrap();
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
            assert!(read(&handed).is_none(), "{handed:?}");
        }
    }
}
