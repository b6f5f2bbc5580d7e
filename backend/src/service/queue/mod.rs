//! Appends deployments to the queue: new ones, and ended ones again.

pub(super) mod request_check;
pub(super) mod supplied;

use std::sync::Arc;

use chrono::Utc;
use iac_runner::session::{DeployRequest, Operation};

use self::request_check::RequestCheck;
use self::supplied::Supplied;
use super::reads::Reads;
use super::state::wake_signal::WakeSignal;
use super::{RequestError, RetryError};
use crate::auth::{Approval, ApprovalRule, Attempt, Caller, Denial, Permit};
use crate::sealing::Sealer;
use crate::store::{DeploymentId, NewAuditEntry, NewDeployment, QueueState, Store, Target, Turn};

/// Turns requests into queued deployments.
pub(crate) struct Queue {
    pub(super) store: Arc<dyn Store>,
    pub(super) reads: Reads,
    pub(super) checks: RequestCheck,
    pub(super) approval_rule: ApprovalRule,
    pub(super) sealer: Sealer,
    pub(super) wake: WakeSignal,
}

impl Queue {
    /// Parses a request, and appends it to the queue.
    ///
    /// # Errors
    /// All invalid fields of the request at once; the caller lacks permission; or the deployment could not be stored.
    pub(crate) async fn start(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<DeploymentId, RequestError> {
        let request = self.checks.accept(body)?;
        let permit = self.permit_start(&request, caller)?;
        let id = DeploymentId::new();
        self.enqueue(id, &request, caller, permit, None).await?;
        Ok(id)
    }

    /// Starts an ended deployment again under a new id, and returns that id.
    ///
    /// Only for operations that change nothing; others have to be started explicitly. The request is checked against
    /// the present rules.
    ///
    /// # Errors
    /// The deployment does not exist, has not ended, or might change something; the caller may not start one; its
    /// secrets were not sent again; or the request is no longer valid. Nothing was started then.
    pub(crate) async fn retry(
        &self,
        id: DeploymentId,
        supplied: &Supplied,
        caller: &Caller,
    ) -> Result<DeploymentId, RetryError> {
        let view = self.reads.view(id).await?.ok_or(RetryError::NotFound)?;
        let status = view.status();
        let former = view.deployment;
        let operation = former.operation;
        if !changes_nothing(operation) {
            return Err(RetryError::MayChange { operation, status });
        }
        if former.queue_state != QueueState::Ended {
            return Err(RetryError::NotOver { status });
        }
        let missing = DeployRequest::remembered(&former.record)?.missing;
        let body = supplied.complete(former.record, &missing)?;
        let request = self.checks.accept(body.to_string().as_bytes())?;
        let permit = self
            .permit_start(&request, caller)
            .map_err(RequestError::from)?;
        let new = DeploymentId::new();
        let entry = NewAuditEntry {
            at: Utc::now(),
            actor: caller.name.clone(),
            action: "retry".to_owned(),
            deployment: Some(id),
            detail: format!("as {new}"),
            by_starter: false,
        };
        self.enqueue(new, &request, caller, permit, Some(entry))
            .await?;
        Ok(new)
    }

    /// Checks whether a caller may start what the request asks for.
    fn permit_start(&self, request: &DeployRequest, caller: &Caller) -> Result<Permit, Denial> {
        let attempt = Attempt::Start {
            operation: request.operation,
            auto_approve: request.auto_approve,
        };
        self.approval_rule.permit(caller, &attempt)
    }

    /// Appends a request to the queue, with its audit entries. The permit must have been issued for this request;
    /// `cause` is an entry that precedes its own.
    async fn enqueue(
        &self,
        id: DeploymentId,
        request: &DeployRequest,
        caller: &Caller,
        permit: Permit,
        cause: Option<NewAuditEntry>,
    ) -> Result<(), RequestError> {
        let new = NewDeployment {
            id,
            target: Target::of(request),
            turn: Turn::of(request),
            tool: request.tool,
            operation: request.operation,
            record: request.record(),
            sealed_secrets: self.sealer.seal(id, &request.secrets())?,
            started_by: caller.name.clone(),
            created_at: Utc::now(),
        };
        let started = entry(caller, id, &new);
        let approved = (permit.approval() == Approval::ByStarter).then(|| NewAuditEntry {
            action: "approve".to_owned(),
            detail: "auto_approve".to_owned(),
            by_starter: true,
            ..started.clone()
        });
        let entries: Vec<_> = cause.into_iter().chain([started]).chain(approved).collect();
        self.store.enqueue(&new, &entries).await?;
        self.wake.wake();
        Ok(())
    }
}

fn entry(caller: &Caller, id: DeploymentId, new: &NewDeployment) -> NewAuditEntry {
    let target = &new.target;
    NewAuditEntry {
        at: new.created_at,
        actor: caller.name.clone(),
        action: "start".to_owned(),
        deployment: Some(id),
        detail: format!(
            "{} {} {}",
            new.operation.word(),
            target.repository,
            target.path
        ),
        by_starter: false,
    }
}

const fn changes_nothing(operation: Operation) -> bool {
    match operation {
        Operation::Plan | Operation::Drift | Operation::Validate => true,
        Operation::Deploy | Operation::Destroy => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_change_something_is_not_done_again() {
        let looks = Operation::ALL.map(changes_nothing);
        // deploy, plan, destroy, drift, validate
        assert_eq!(looks, [false, true, false, true, true]);
    }
}
