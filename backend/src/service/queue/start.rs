//! Turns a request into a queued deployment.

use chrono::Utc;
use iac_runner::checkout::{AllowedHosts, is_local, missing_program};
use iac_runner::session::DeployRequest;
use iac_runner::session::request::{FieldFault, Source};

use crate::auth::{Approval, Attempt, Caller, Denial, Permit};
use crate::service::{RequestError, Service};
use crate::store::{DeploymentId, NewAuditEntry, NewDeployment, Target, Turn};

impl Service {
    /// Parses a request, and appends it to the queue.
    ///
    /// # Errors
    /// All invalid fields of the request at once; the caller lacks permission; or the deployment could not be stored.
    pub async fn start(&self, body: &[u8], caller: &Caller) -> Result<DeploymentId, RequestError> {
        let request = self.accept(body)?;
        let permit = self.permit_start(&request, caller)?;
        let id = DeploymentId::new();
        self.enqueue(id, &request, caller, permit, None).await?;
        Ok(id)
    }

    /// Checks whether a caller may start what the request asks for.
    pub(crate) fn permit_start(
        &self,
        request: &DeployRequest,
        caller: &Caller,
    ) -> Result<Permit, Denial> {
        let attempt = Attempt::Start {
            operation: request.operation,
            auto_approve: request.auto_approve,
        };
        self.shared.approval_rule.permit(caller, &attempt)
    }

    /// Parses and checks a request.
    pub(crate) fn accept(&self, body: &[u8]) -> Result<DeployRequest, RequestError> {
        let request = DeployRequest::parse(body, &self.shared.settings.flags)?;
        let local = local_source(&request).filter(|_| !self.shared.local_sources);
        let host = || host_not_allowed(&request, &self.shared.settings.allowed_git_hosts);
        match local.or_else(host).or_else(|| missing_client(&request)) {
            Some(fault) => Err(RequestError::Invalid(vec![fault])),
            None => match self.shared.settings.check_source(&request) {
                Ok(()) => Ok(request),
                Err(invalid) => Err(RequestError::Invalid(invalid.faults)),
            },
        }
    }

    /// Appends a request to the queue, with its audit entries. The permit must have been issued for this request;
    /// `cause` is an entry that precedes its own.
    pub(crate) async fn enqueue(
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
            sealed_secrets: self.shared.sealer.seal(id, &request.secrets())?,
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
        self.store().enqueue(&new, &entries).await?;
        self.shared.wake.notify_one();
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

/// Returns the fault of a repository whose client program is not installed here.
fn missing_client(request: &DeployRequest) -> Option<FieldFault> {
    let Source::Git(git) = &request.source else {
        return None;
    };
    let program = missing_program(&git.url)?;
    Some(FieldFault {
        field: "git_url".to_owned(),
        problem: format!("needs the program `{program}`, which is not installed on the server"),
    })
}

/// Returns the fault of a repository whose host is not allowed, as far as the URL shows.
fn host_not_allowed(request: &DeployRequest, hosts: &AllowedHosts) -> Option<FieldFault> {
    let Source::Git(git) = &request.source else {
        return None;
    };
    let fault = hosts.check(&git.url).err()?;
    Some(FieldFault {
        field: "git_url".to_owned(),
        problem: fault.to_string(),
    })
}

/// Returns the fault of a source on this machine: everyone who may start deployments could read all that the service
/// can.
fn local_source(request: &DeployRequest) -> Option<FieldFault> {
    let (field, problem) = match &request.source {
        Source::Directory(_) => (
            "source.directory",
            "directories of the server are refused: `work.local_sources` (--local-sources) is off",
        ),
        Source::Git(git) if is_local(&git.url) => (
            "git_url",
            "repositories of the server are refused: `work.local_sources` (--local-sources) is off",
        ),
        Source::Git(_) | Source::Files(_) => return None,
    };
    Some(FieldFault {
        field: field.to_owned(),
        problem: problem.to_owned(),
    })
}
