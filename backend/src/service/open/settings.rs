//! The settings of sessions, from the configuration.

use std::path::Path;

use iac_runner::client::Runner;
use iac_runner::process::memory_limit;
use iac_runner::protocol::MIN_MEMORY_LIMIT_BYTES;
use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::session::Settings;

use super::exposure;
use crate::config::{self, Config, SESSIONS_DIR};
use crate::service::OpenError;

/// Below the data directory: mirrors of repositories.
const MIRRORS_DIR: &str = "mirrors";

/// Returns the settings of all sessions below a data directory.
///
/// # Errors
/// The runner was not found, or the registry host is not valid.
pub(super) fn session_settings(config: &Config, data_dir: &Path) -> Result<Settings, OpenError> {
    let work = &config.work;
    let runner = match &work.runner {
        Some(program) => Runner::at(program),
        None => Runner::locate(),
    };
    let runner = runner.map_err(|error| OpenError::Runner(Box::new(error)))?;
    let mut settings = Settings::new(runner, data_dir.join(SESSIONS_DIR));
    settings.approval_deadline = work.approval_deadline;
    settings.retention = work.retention;
    settings.checkout_timeout = work.checkout_timeout;
    settings.grace = work.grace;
    settings.mirror_cache = Some(data_dir.join(MIRRORS_DIR));
    settings.sandbox = config.sandbox.clone();
    settings
        .sandbox
        .memory_limit_bytes
        .get_or_insert_with(default_memory_limit);
    settings.allowed_git_hosts = work.allowed_git_hosts.clone();
    settings.registry = registry(&config.registry)?;
    settings.protected = exposure::protected(config, data_dir);
    Ok(settings)
}

/// Returns the limit for each process of a deployment: one that takes all memory must not end the service.
fn default_memory_limit() -> u64 {
    (memory_limit() / 4 * 3).max(MIN_MEMORY_LIMIT_BYTES)
}

fn registry(config: &config::Registry) -> Result<Option<Registry>, OpenError> {
    let Some(host) = &config.host else {
        return Ok(None);
    };
    let host = RegistryHost::parse(host).map_err(OpenError::Registry)?;
    let source = match &config.token {
        Some(token) => TokenSource::Given(token.clone()),
        None => TokenSource::Backend,
    };
    Ok(Some(Registry::new(host, source)))
}
