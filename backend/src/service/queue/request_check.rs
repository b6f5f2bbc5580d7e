//! Checks whether a request is valid on this service.

use std::sync::Arc;

use iac_runner::checkout::{AllowedHosts, is_local, missing_program};
use iac_runner::session::request::{FieldFault, Source};
use iac_runner::session::{DeployRequest, Settings};

use crate::service::RequestError;

/// Parses requests, and rejects those that the settings do not allow.
pub(crate) struct RequestCheck {
    settings: Arc<Settings>,
    allows_local_sources: bool,
}

impl RequestCheck {
    pub(crate) fn new(settings: Arc<Settings>, allows_local_sources: bool) -> Self {
        Self {
            settings,
            allows_local_sources,
        }
    }

    /// Parses and checks a request.
    ///
    /// # Errors
    /// All invalid fields at once, or the first field that the settings do not allow.
    pub(super) fn accept(&self, body: &[u8]) -> Result<DeployRequest, RequestError> {
        let request = DeployRequest::parse(body, &self.settings.flags)?;
        let local = local_source(&request).filter(|_| !self.allows_local_sources);
        let host = || host_not_allowed(&request, &self.settings.allowed_git_hosts);
        match local.or_else(host).or_else(|| missing_client(&request)) {
            Some(fault) => Err(RequestError::Invalid(vec![fault])),
            None => match self.settings.check_source(&request) {
                Ok(()) => Ok(request),
                Err(invalid) => Err(RequestError::Invalid(invalid.faults)),
            },
        }
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
