//! Carries out decisions of other nodes.

use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use super::Decisions;
use super::forwarded::{DecisionResult, ForwardedDecision};
use crate::causes::Causes;
use crate::service::node::lease::NodeLease;
use crate::service::state::active_deployments::ActiveDeployments;
use crate::store::{HandedOver, Store};

/// How often a node checks for decisions from other nodes.
pub(crate) const TAKE_EVERY: Duration = Duration::from_millis(200);

/// Takes the decisions about deployments that this node runs, and answers them.
#[derive(Clone)]
pub(crate) struct Inbox {
    pub(in crate::service) store: Arc<dyn Store>,
    pub(in crate::service) node_lease: Arc<NodeLease>,
    pub(in crate::service) active_deployments: ActiveDeployments,
    pub(in crate::service) decisions: Decisions,
}

impl Inbox {
    /// Carries out decisions of other nodes about deployments that this node runs.
    pub(crate) async fn take(&self) {
        if self.active_deployments.is_empty() {
            return;
        }
        match self.store.take_decisions(self.node_lease.name()).await {
            Ok(taken) => {
                for handed in taken {
                    let inbox = self.clone();
                    tokio::spawn(async move { inbox.answer(&handed).await });
                }
            }
            Err(fault) => error!(
                error = %Causes(&fault),
                "forwarded decisions not fetched"
            ),
        }
    }

    async fn answer(&self, handed: &HandedOver) {
        let answer = match ForwardedDecision::read(handed) {
            Some((decision, caller)) => {
                let done = self.decisions.decide(handed.deployment, decision, &caller);
                DecisionResult::of(done.await)
            }
            None => {
                error!(deployment = %handed.deployment, "forwarded decision not understood");
                DecisionResult::Failed
            }
        };
        let answer = serde_json::to_value(answer).unwrap_or_default();
        if let Err(fault) = self.store.answer(handed.number, &answer).await {
            error!(
                deployment = %handed.deployment,
                error = %Causes(&fault),
                "forwarded decision not answered"
            );
        }
    }
}
