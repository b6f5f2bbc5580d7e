//! Approve, reject, cancel and force-cancel.

pub(super) mod audit_backfill;
pub(super) mod force_cancel;
pub(super) mod forward_decision;
pub(super) mod intent;
pub(super) mod pending_audit;

use chrono::Utc;
use iac_runner::session::{PlanDigest, Reason, Session, SessionError};
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, Instant, timeout_at};

use self::intent::Stopped;
use super::{DecisionError, Service};
use crate::auth::{Approval, Attempt, Caller};
use crate::store::{Deployment, DeploymentId, Ending, NewAuditEntry, QueueState};

/// How long to wait for the session of a deployment that was just claimed: longer than its recovery takes.
const SESSION_WITHIN: Duration = Duration::from_secs(10);

/// A decision about a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
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
    const fn attempt<'a>(&self, starter: &'a str) -> Attempt<'a> {
        match self {
            Self::Approve { .. } => Attempt::Approve { starter },
            Self::Reject { .. } => Attempt::Reject,
            Self::Cancel => Attempt::Cancel,
            Self::ForceCancel => Attempt::ForceCancel,
        }
    }
}

impl Service {
    /// Records a decision and who made it, and then carries it out. If another node runs the deployment, that node does
    /// so.
    ///
    /// # Errors
    /// The deployment does not exist, its status does not allow the decision, or the caller lacks permission; nothing
    /// happens then. The outcome is unknown only if the node that runs the deployment accepted the decision and did not
    /// answer.
    pub async fn decide(
        &self,
        id: DeploymentId,
        decision: Decision,
        caller: &Caller,
    ) -> Result<(), DecisionError> {
        let found = self.store().deployment(id).await?;
        let deployment = found.ok_or(DecisionError::NotFound)?;
        let attempt = decision.attempt(&deployment.started_by);
        let permit = self.shared.approval_rule.permit(caller, &attempt)?;
        if let Some(node) = self.other_node(&deployment) {
            return self.hand_over(&deployment, node, &decision, caller).await;
        }
        let (action, detail) = match &decision {
            Decision::Approve { comment, .. } => ("approve", comment.clone()),
            Decision::Reject { comment } => ("reject", comment.clone()),
            Decision::Cancel => ("cancel", String::new()),
            Decision::ForceCancel => ("force-cancel", String::new()),
        };
        let entry = NewAuditEntry {
            at: Utc::now(),
            actor: caller.name.clone(),
            action: action.to_owned(),
            deployment: Some(id),
            detail,
            by_starter: permit.approval() == Approval::ByStarter,
        };
        match decision {
            Decision::Approve {
                comment,
                plan_digest,
            } => {
                self.expect_name(&deployment).await?;
                let session = self.session_for(&deployment).await?;
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
                self.with_intent(&entry, approval).await
            }
            Decision::Reject { comment } => {
                let session = self.session_for(&deployment).await?;
                let rejection = async {
                    let done = session.reject(&caller.name, &comment).await;
                    done.map_err(|fault| refused(&session, fault))
                };
                self.with_intent(&entry, rejection).await
            }
            Decision::Cancel => self.cancel(&deployment, &entry).await,
            Decision::ForceCancel => self.force_cancel(&deployment, &entry).await,
        }
    }

    /// Expects this process to hold its node name: otherwise a process with a copy of its data directory may decide
    /// about the same plan.
    async fn expect_name(&self, deployment: &Deployment) -> Result<(), DecisionError> {
        if self.still_holds_the_name().await? {
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
                .shared
                .active_deployments
                .cancel_claimed(deployment.id, &entry.actor)
            {
                return Ok(Stopped::Remembered);
            }
            let session = self.session_for(deployment).await?;
            match session.cancel(&entry.actor).await {
                Ok(()) => Ok(Stopped::BySession),
                Err(fault) => Err(refused(&session, fault)),
            }
        };
        self.stop_with_intent(entry, stop).await
    }

    /// Ends a queued deployment; returns false if it is not queued.
    pub(super) async fn end_waiting(
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
                .store()
                .end_waiting(deployment.id, &ending, entry)
                .await?;
        if has_ended {
            self.scrub_soon();
            self.metrics()
                .count(deployment.operation, ending.reason, None);
        }
        Ok(has_ended)
    }

    /// Returns the session of a deployment that this process runs.
    ///
    /// A deployment that was claimed a moment ago, or is being recovered after a restart, gets its session soon; that is
    /// waited for.
    pub(super) async fn session_for(
        &self,
        deployment: &Deployment,
    ) -> Result<Session, DecisionError> {
        let id = deployment.id;
        let deadline = Instant::now() + SESSION_WITHIN;
        loop {
            let mut changes = self.shared.active_deployments.watch();
            if let Some(session) = self.session(id) {
                return Ok(session);
            }
            let found = self.store().deployment(id).await?;
            let now = found.ok_or(DecisionError::NotFound)?;
            let comes_soon =
                now.queue_state == QueueState::Active && self.other_node(&now).is_none();
            if let Some(dir) = self.foreign_dir(id, now.session_dir.as_deref())
                && comes_soon
            {
                return Err(DecisionError::Conflict {
                    status: now.progress.status,
                    problem: format!(
                        "the directory `{}` of the deployment is not in the data directory of this service, which does \
                         not run it; nothing was done: start the service with the data directory of the deployment, or \
                         end the deployment with `iac-backend abandon`",
                        dir.display()
                    ),
                });
            }
            if !comes_soon || timeout_at(deadline, changes.changed()).await.is_err() {
                return Err(without_session(&now));
            }
        }
    }
}

/// Returns why a decision about a deployment without a session is refused.
fn without_session(deployment: &Deployment) -> DecisionError {
    let problem = match deployment.queue_state {
        QueueState::Waiting => "the deployment waits its turn",
        QueueState::Active => "the deployment is about to begin or to end: try again",
        QueueState::Ended => "the deployment has ended",
    };
    DecisionError::Conflict {
        status: deployment.progress.status,
        problem: problem.to_owned(),
    }
}

pub(super) fn refused(session: &Session, fault: SessionError) -> DecisionError {
    match fault {
        SessionError::Illegal(_) | SessionError::SecretsMissing { .. } => DecisionError::Conflict {
            status: session.status().status,
            problem: fault.to_string(),
        },
        fault => DecisionError::Session(fault),
    }
}
