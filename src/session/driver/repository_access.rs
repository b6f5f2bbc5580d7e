//! Gives `init` the credentials of the repository, for modules on the same host.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::job::{Job, failed};
use super::prepare::credentials;
use crate::checkout::variables_for_tool;
use crate::protocol::inherits;
use crate::session::event::{Event, FailureKind};
use crate::session::place::write_aside;
use crate::session::request::Source;

/// How many settings git takes from variables.
const COUNT: &str = "GIT_CONFIG_COUNT";
/// How git calls ssh.
const SSH: &str = "GIT_SSH_COMMAND";

impl Job {
    /// Variables that open the repository, and others on its host, to the git that `init` runs.
    pub(super) fn access_to_repository(&self) -> Result<BTreeMap<String, SecretString>, Event> {
        let Source::Git(git) = &self.request.source else {
            return Ok(BTreeMap::new());
        };
        let known_hosts = self.place.known_hosts();
        if let Some(ssh) = &git.ssh {
            // A request or an operator that says how git calls ssh has it so.
            if self.given(SSH).is_some() {
                return Ok(BTreeMap::new());
            }
            write_aside(&known_hosts, ssh.known_hosts.as_bytes()).map_err(|fault| {
                let error = format!("`{}` could not be written: {fault}", known_hosts.display());
                failed(FailureKind::Fault, error)
            })?;
        }
        let count = self.settings_from_variables();
        Ok(variables_for_tool(
            &git.url,
            &credentials(git),
            count,
            &known_hosts,
        ))
    }

    /// How many settings of git the tool has from its variables already.
    fn settings_from_variables(&self) -> usize {
        let given = self.given(COUNT);
        given.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// The value that the tool has of a variable without us.
    fn given(&self, name: &str) -> Option<String> {
        match self.request.env_vars.get(name) {
            Some(value) => Some(value.expose_secret().to_owned()),
            None if inherits(self.settings.inherit_env.as_deref(), name) => {
                std::env::var(name).ok()
            }
            None => None,
        }
    }
}
