//! Passes decisions to the node that runs the deployment.
//!
//! A decision goes there as a row in the store. That node takes the row once and answers with the session's result. The
//! deciding node waits for this answer, and withdraws a decision that was not taken in time; nothing was done then.

use std::sync::Arc;
use std::time::Duration;

use super::decision::Decision;
use super::forwarded::{DecisionResult, ForwardedDecision};
use crate::auth::Caller;
use crate::service::DecisionError;
use crate::store::{Deployment, Store, StoreError};

/// How often to check for an answer.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a node has to take a decision: many times what it needs, and not longer than a client waits.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);
/// How long it then has to answer: an approval is written to disk before it counts.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// Sends decisions to other nodes, and waits for their answers.
#[derive(Clone)]
pub(crate) struct Forwarder {
    store: Arc<dyn Store>,
}

impl Forwarder {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Passes a decision to the node that runs the deployment.
    pub(super) async fn forward(
        &self,
        deployment: &Deployment,
        node: &str,
        decision: &Decision,
        caller: &Caller,
    ) -> Result<(), DecisionError> {
        let message = ForwardedDecision::new(decision, caller);
        let message = serde_json::to_value(&message).unwrap_or_default();
        let store = &self.store;
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
            if let Some(answer) = self.store.answer_to(number).await? {
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
}
