//! Decisions about deployments, made here or on another node.

pub(super) mod decision;
mod forwarded;
pub(super) mod forwarder;
pub(super) mod inbox;
pub(super) mod session_lookup;

use std::sync::Arc;

use chrono::Utc;
use iac_runner::session::{Reason, Session, SessionError};

use self::decision::Decision;
use self::forwarder::Forwarder;
use self::session_lookup::SessionLookup;
use super::DecisionError;
use super::audit::intent::{AuditIntents, Stopped};
use super::cleanup::scrub::Scrub;
use super::node::lease::NodeLease;
use super::state::active_deployments::ActiveDeployments;
use crate::auth::{ApprovalRule, Caller};
use crate::metrics::Metrics;
use crate::store::{Deployment, DeploymentId, Ending, NewAuditEntry, QueueState, Store};

/// Carries out decisions, and records who made them.
#[derive(Clone)]
pub(crate) struct Decisions {
    pub(super) store: Arc<dyn Store>,
    pub(super) approval_rule: ApprovalRule,
    pub(super) node_lease: Arc<NodeLease>,
    pub(super) forwarder: Forwarder,
    pub(super) sessions: SessionLookup,
    pub(super) active_deployments: ActiveDeployments,
    pub(super) intents: AuditIntents,
    pub(super) scrub: Scrub,
    pub(super) metrics: Arc<Metrics>,
}

impl Decisions {
    /// Records a decision and who made it, and then carries it out. If another node runs the deployment, that node does
    /// so.
    ///
    /// # Errors
    /// The deployment does not exist, its status does not allow the decision, or the caller lacks permission; nothing
    /// happens then. The outcome is unknown only if the node that runs the deployment accepted the decision and did not
    /// answer.
    pub(crate) async fn decide(
        &self,
        id: DeploymentId,
        decision: Decision,
        caller: &Caller,
    ) -> Result<(), DecisionError> {
        let found = self.store.deployment(id).await?;
        let deployment = found.ok_or(DecisionError::NotFound)?;
        let attempt = decision.attempt(&deployment.started_by);
        let permit = self.approval_rule.permit(caller, &attempt)?;
        if let Some(node) = self.node_lease.other_node(&deployment) {
            let forward = self.forwarder.forward(&deployment, node, &decision, caller);
            return forward.await;
        }
        let entry = decision.entry(id, caller, permit);
        match decision {
            Decision::Approve {
                comment,
                plan_digest,
            } => {
                self.expect_name(&deployment).await?;
                let session = self.sessions.session_of(&deployment).await?;
                let Some(digest) = plan_digest.or(session.status().plan_digest) else {
                    return Err(DecisionError::Conflict {
                        status: session.status().status,
                        problem: "there is no plan to decide about yet".to_owned(),
                    });
                };
                let approval = async {
                    let done = session.approve(&caller.name, &comment, &digest).await;
                    done.map_err(|fault| refused(&session, fault))
                };
                self.intents.carry_out(&entry, approval).await
            }
            Decision::Reject { comment } => {
                let session = self.sessions.session_of(&deployment).await?;
                let rejection = async {
                    let done = session.reject(&caller.name, &comment).await;
                    done.map_err(|fault| refused(&session, fault))
                };
                self.intents.carry_out(&entry, rejection).await
            }
            Decision::Cancel => self.cancel(&deployment, &entry).await,
            Decision::ForceCancel => self.force_cancel(&deployment, &entry).await,
        }
    }

    /// Expects this process to hold its node name: otherwise a process with a copy of its data directory may decide
    /// about the same plan.
    async fn expect_name(&self, deployment: &Deployment) -> Result<(), DecisionError> {
        if self.node_lease.is_still_held().await? {
            return Ok(());
        }
        Err(DecisionError::Conflict {
            status: deployment.progress.status,
            problem: "another process has taken the node name of this service, which stops; nothing was done"
                .to_owned(),
        })
    }

    async fn cancel(
        &self,
        deployment: &Deployment,
        entry: &NewAuditEntry,
    ) -> Result<(), DecisionError> {
        if self.end_waiting(deployment, entry).await? {
            return Ok(());
        }
        let stop = async {
            if self
                .active_deployments
                .cancel_claimed(deployment.id, &entry.actor)
            {
                return Ok(Stopped::Remembered);
            }
            let session = self.sessions.session_of(deployment).await?;
            stopped(&session, session.cancel(&entry.actor).await)
        };
        self.intents.carry_out_stop(entry, stop).await
    }

    /// Cancels a deployment at once.
    ///
    /// Waits for the session of a deployment that was claimed a moment ago: a stop remembered for its session would be
    /// graceful, which is not what the caller asked for.
    async fn force_cancel(
        &self,
        deployment: &Deployment,
        entry: &NewAuditEntry,
    ) -> Result<(), DecisionError> {
        if self.end_waiting(deployment, entry).await? {
            return Ok(());
        }
        let session = self.sessions.session_of(deployment).await?;
        let stop = async { stopped(&session, session.force_cancel(&entry.actor).await) };
        self.intents.carry_out_stop(entry, stop).await
    }

    /// Ends a queued deployment; returns false if it is not queued.
    async fn end_waiting(
        &self,
        deployment: &Deployment,
        entry: &NewAuditEntry,
    ) -> Result<bool, DecisionError> {
        let ending = Ending {
            reason: Reason::Cancelled,
            error: String::new(),
            at: Utc::now(),
        };
        let is_waiting = deployment.queue_state == QueueState::Waiting;
        let has_ended = is_waiting
            && self
                .store
                .end_waiting(deployment.id, &ending, entry)
                .await?;
        if has_ended {
            self.scrub.schedule();
            self.metrics
                .count(deployment.operation, ending.reason, None);
        }
        Ok(has_ended)
    }
}

/// Returns how the session accepted a stop.
fn stopped(session: &Session, done: Result<(), SessionError>) -> Result<Stopped, DecisionError> {
    match done {
        Ok(()) => Ok(Stopped::BySession),
        Err(fault) => Err(refused(session, fault)),
    }
}

fn refused(session: &Session, fault: SessionError) -> DecisionError {
    match fault {
        SessionError::Illegal(_) | SessionError::SecretsMissing { .. } => DecisionError::Conflict {
            status: session.status().status,
            problem: fault.to_string(),
        },
        fault => DecisionError::Session(fault),
    }
}
