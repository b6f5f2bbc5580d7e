//! A request becomes a deployment that waits.

use chrono::Utc;
use iac_runner::checkout::is_local;
use iac_runner::session::DeployRequest;
use iac_runner::session::request::{FieldFault, Source};

use super::{Caller, RequestError, Service};
use crate::store::{DeploymentId, NewAuditEntry, NewDeployment, Target};

impl Service {
    /// Reads a request, and puts it at the end of the queue.
    ///
    /// # Errors
    /// Every fault of the request at once; or it could not be kept.
    pub async fn start(&self, body: &[u8], caller: &Caller) -> Result<DeploymentId, RequestError> {
        let request = self.accept(body)?;
        let id = DeploymentId::new();
        self.enqueue(id, &request, caller).await?;
        Ok(id)
    }

    /// Reads a request.
    pub(super) fn accept(&self, body: &[u8]) -> Result<DeployRequest, RequestError> {
        let request = DeployRequest::parse(body, &self.parts.settings.flags)?;
        match local_source(&request).filter(|_| !self.parts.local_sources) {
            Some(fault) => Err(RequestError::Invalid(vec![fault])),
            None => Ok(request),
        }
    }

    /// Puts a request at the end of the queue.
    pub(super) async fn enqueue(
        &self,
        id: DeploymentId,
        request: &DeployRequest,
        caller: &Caller,
    ) -> Result<(), RequestError> {
        let new = NewDeployment {
            id,
            target: Target::of(request),
            tool: request.tool,
            operation: request.operation,
            record: request.record(),
            sealed_secrets: self.parts.sealer.seal(id, &request.secrets())?,
            started_by: caller.name.clone(),
            created_at: Utc::now(),
        };
        let store = self.store();
        store.record(&entry(caller, id, &new)).await?;
        store.enqueue(&new).await?;
        self.parts.wake.notify_one();
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
    }
}

/// What is wrong about a source of this machine: whoever may start deployments could read all that the service can.
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
