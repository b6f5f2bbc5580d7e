//! Gives `init` the credentials of the repository, for modules on the same host.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::prepare::credentials;
use crate::checkout::variables_for_tool;
use crate::protocol::inherits;
use crate::session::executor::step_context::{StepContext, failed};
use crate::session::machine::event::{Event, FailureKind};
use crate::session::request::Source;
use crate::session::storage::session_dir::write_aside;

/// Variable with the number of settings that git reads from variables.
const COUNT: &str = "GIT_CONFIG_COUNT";
/// Variable with the command that git runs for ssh.
const SSH: &str = "GIT_SSH_COMMAND";

impl StepContext {
    /// Returns variables that give the git that `init` runs access to the repository, and to others on its host.
    pub(crate) fn access_to_repository(&self) -> Result<BTreeMap<String, SecretString>, Event> {
        let Source::Git(git) = &self.request.source else {
            return Ok(BTreeMap::new());
        };
        let known_hosts = self.session_dir.known_hosts();
        if let Some(ssh) = &git.ssh {
            // A request or an operator that sets git's ssh command keeps it.
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

    /// Returns the number of git settings that the tool's variables already hold.
    fn settings_from_variables(&self) -> usize {
        let given = self.given(COUNT);
        given.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// Returns the value that the tool sees for a variable before the session adds its own.
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
