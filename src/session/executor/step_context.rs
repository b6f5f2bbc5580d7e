//! Inputs that every step needs and no step changes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;
use tokio::sync::{OnceCell, watch};

use crate::checkout::CommitSha;
use crate::protocol::Request;
use crate::session::approval::binding::Binding;
use crate::session::approval::executable_identity::ToolFile;
use crate::session::executor::run::commands::Commands;
use crate::session::handle::publisher::Published;
use crate::session::machine::event::{Event, Failure, FailureKind, StopEnd};
use crate::session::machine::state::Stop;
use crate::session::storage::log::Log;
use crate::session::storage::projection::CheckoutFacts;
use crate::session::storage::session_dir::SessionDir;
use crate::session::{DeployRequest, Phase, Settings};

/// Inputs of every step; clones are cheap.
#[derive(Clone, Debug)]
pub(super) struct StepContext {
    pub(super) settings: Arc<Settings>,
    pub(super) session_dir: SessionDir,
    /// The request, possibly without its secrets: then only steps that need none are run.
    pub(super) request: Arc<DeployRequest>,
    pub(super) has_secrets: bool,
    /// Whether this process fetched the source.
    pub(super) has_fetched: bool,
    /// Variables that the session adds, once known.
    pub(super) environment: Arc<OnceCell<BTreeMap<String, SecretString>>>,
    /// The program that made or showed the plan, if it did so in this process.
    pub(super) planned_by: Arc<OnceLock<ToolFile>>,
    pub(super) checkout: Option<CheckoutFacts>,
    pub(super) commit: Option<CommitSha>,
    pub(super) binding: Option<Binding>,
    /// What confined the tool at `init`.
    pub(super) confined_by: Option<String>,
    /// Boot id at the time when the current run was announced.
    pub(super) run_boot: Option<String>,
    pub(super) salt: String,
    pub(super) log: Log,
    pub(super) phase: Phase,
    pub(super) stop: watch::Receiver<Option<Stop>>,
    pub(super) published: Arc<Published>,
}

impl StepContext {
    pub(super) fn log(&self, text: &str) {
        self.log.append_message(self.phase, text);
    }

    /// Returns where the source is; fails if it was never checked out, which no transition allows.
    pub(super) fn checkout(&self) -> Result<&CheckoutFacts, Event> {
        self.checkout
            .as_ref()
            .ok_or_else(|| failed(FailureKind::Internal, "the source was never checked out"))
    }

    /// Returns where the tool works.
    ///
    /// Fails if a link leads out of the source there now: a configuration may put one in the place of its own
    /// directory, so that the next step works in another.
    pub(super) fn work_dir(&self) -> Result<&Path, Event> {
        let checkout = self.checkout()?;
        let leads_out = match (
            checkout.work_dir.canonicalize(),
            checkout.root.canonicalize(),
        ) {
            (Ok(work_dir), Ok(root)) => !work_dir.starts_with(root),
            // Each use reports by itself that it is missing.
            _ => false,
        };
        if leads_out {
            let error = format!(
                "`{}` is now a link that leads out of the source, so nothing was run there: the configuration \
                 has replaced its own directory",
                self.request.path
            );
            return Err(failed(FailureKind::Fault, error));
        }
        Ok(&checkout.work_dir)
    }

    /// Returns the variables that the session adds: those of the registry, with a token that is requested once.
    pub(super) async fn environment(&self) -> Result<&BTreeMap<String, SecretString>, Event> {
        self.environment
            .get_or_try_init(|| async {
                let mut environment = BTreeMap::new();
                if let Some(registry) = &self.settings.registry {
                    let unavailable = |fault: &dyn std::error::Error| {
                        let error = format!("the registry cannot be used: {}", sentence(fault));
                        failed(FailureKind::Fault, error)
                    };
                    let access = registry.access().await.map_err(|it| unavailable(&it))?;
                    environment.extend(access.env_vars());
                    let file = access.write_cli_config(&self.session_dir.config_dir());
                    let file = file.map_err(|it| unavailable(&it))?;
                    let path = file.to_string_lossy().into_owned();
                    environment.insert("TF_CLI_CONFIG_FILE".to_owned(), path.into());
                }
                Ok(environment)
            })
            .await
    }

    /// Builds one of the commands of this session.
    pub(super) async fn command<T>(&self, of: impl FnOnce(&Commands<'_>) -> T) -> Result<T, Event> {
        let environment = self.environment().await?;
        Ok(of(&Commands {
            request: &self.request,
            session_dir: &self.session_dir,
            root: &self.checkout()?.root,
            work_dir: self.work_dir()?,
            environment,
            inherit_env: self.settings.inherit_env.as_deref(),
            grace: self.settings.grace,
            sandbox: &self.settings.sandbox,
        }))
    }

    /// Adds secrets that the runner does not find by the names of variables.
    pub(super) fn masked(&self, mut request: Request) -> Request {
        let secrets = self.request.secrets();
        request.secrets = secrets
            .fields()
            .zip(secrets.values())
            .filter(|(field, _)| !field.starts_with("env_vars."))
            .map(|(_, value)| value.clone())
            .collect();
        request
    }

    /// Reads from disk on a blocking thread; `what` begins the error.
    ///
    /// A stop does not wait for the disk: the thread runs until it next checks `is_stopped`, and its result is
    /// discarded.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        what: &str,
        look: impl FnOnce(&dyn Fn() -> bool) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Event> {
        let stop = self.stop.clone();
        // Without a sender, the session has ended, or its program is ending.
        let is_stopped = move || stop.borrow().is_some() || stop.has_changed().is_err();
        let looking = tokio::task::spawn_blocking(move || look(&is_stopped));
        let problem = tokio::select! {
            seen = looking => match seen {
                Ok(Ok(seen)) => return Ok(seen),
                Ok(Err(_)) if self.stop.borrow().is_some() => return Err(halted()),
                Ok(Err(fault)) => fault.to_string(),
                Err(fault) => fault.to_string(),
            },
            () = self.stopped() => return Err(halted()),
        };
        Err(failed(FailureKind::Fault, format!("{what}: {problem}")))
    }

    /// Waits until the session has to stop.
    pub(super) async fn stopped(&self) {
        // An error means that no sender is left that could ask for a stop.
        if self.stop.clone().wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns the `PATH` in which the runner looks for the tool.
    pub(super) fn search_path(&self) -> OsString {
        use secrecy::ExposeSecret;
        match self.request.env_vars.get("PATH") {
            Some(path) => path.expose_secret().into(),
            None => std::env::var_os("PATH").unwrap_or_default(),
        }
    }
}

pub(super) fn failed(kind: FailureKind, error: impl Into<String>) -> Event {
    Event::Failed(Box::new(Failure::new(kind, error)))
}

/// Returns the event for a stop while no command runs.
pub(super) fn halted() -> Event {
    Event::Stopped {
        end: StopEnd::Graceful,
        error: "the deployment was cancelled".to_owned(),
        state: None,
    }
}

/// Returns the event for a session that cannot continue without the secrets of its request.
pub(super) fn without_secrets() -> Event {
    failed(
        FailureKind::Interrupted,
        "the process that held the deployment ended, and the values that the request kept secret went with it; \
         nothing was applied: start a new deployment",
    )
}

/// Formats an error with its causes as one sentence.
pub(super) fn sentence(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(fault) = cause {
        text.push_str(": ");
        text.push_str(&fault.to_string());
        cause = fault.source();
    }
    text
}
