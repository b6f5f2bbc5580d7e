//! What every step needs, and no step changes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use secrecy::SecretString;
use tokio::sync::{OnceCell, watch};

use crate::checkout::CommitSha;
use crate::protocol::Request;
use crate::session::binding::Binding;
use crate::session::commands::Commands;
use crate::session::event::{Event, Failure, FailureKind, StopEnd};
use crate::session::facts::CheckoutFacts;
use crate::session::log::Log;
use crate::session::place::Place;
use crate::session::published::Published;
use crate::session::state::Stop;
use crate::session::tool_file::ToolFile;
use crate::session::{DeployRequest, Phase, Settings};

/// What every step needs; clones are cheap.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) settings: Arc<Settings>,
    pub(super) place: Place,
    /// The request, maybe without its secrets: then only steps that need none are taken.
    pub(super) request: Arc<DeployRequest>,
    pub(super) has_secrets: bool,
    /// Whether the source is there as this process fetched it.
    pub(super) has_fetched: bool,
    /// Variables that the session adds, once they are known.
    pub(super) environment: Arc<OnceCell<BTreeMap<String, SecretString>>>,
    /// The program that has made or shown the plan, if it was in this process.
    pub(super) planned_by: Arc<OnceLock<ToolFile>>,
    pub(super) checkout: Option<CheckoutFacts>,
    pub(super) commit: Option<CommitSha>,
    pub(super) binding: Option<Binding>,
    /// Which start of the machine it was when the run was announced that is at work.
    pub(super) run_boot: Option<String>,
    pub(super) salt: String,
    pub(super) log: Log,
    pub(super) phase: Phase,
    pub(super) stop: watch::Receiver<Option<Stop>>,
    pub(super) published: Arc<Published>,
}

impl Job {
    pub(super) fn say(&self, text: &str) {
        self.log.say(self.phase, text);
    }

    /// Where the source is; a failure if it is not there, which no way leads to.
    pub(super) fn checkout(&self) -> Result<&CheckoutFacts, Event> {
        self.checkout
            .as_ref()
            .ok_or_else(|| failed(FailureKind::Internal, "the source was never checked out"))
    }

    pub(super) fn work_dir(&self) -> Result<&Path, Event> {
        self.checkout().map(|checkout| checkout.work_dir.as_path())
    }

    /// Variables that the session adds: those of the registry, with a token that is asked for once.
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
                    let file = access.write_cli_config(&self.place.config_dir());
                    let file = file.map_err(|it| unavailable(&it))?;
                    let path = file.to_string_lossy().into_owned();
                    environment.insert("TF_CLI_CONFIG_FILE".to_owned(), path.into());
                }
                Ok(environment)
            })
            .await
    }

    /// One of the commands of this session.
    pub(super) async fn command<T>(&self, of: impl FnOnce(&Commands<'_>) -> T) -> Result<T, Event> {
        let environment = self.environment().await?;
        Ok(of(&Commands {
            request: &self.request,
            place: &self.place,
            root: &self.checkout()?.root,
            work_dir: self.work_dir()?,
            environment,
            inherit_env: self.settings.inherit_env.as_deref(),
            grace: self.settings.grace,
            sandbox: &self.settings.sandbox,
        }))
    }

    /// Adds what has to be masked beside what the runner finds by the names of variables.
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

    /// Looks at what is on disk, beside the runtime's own threads; `what` begins the error.
    ///
    /// A stop does not wait for the disk: the look goes on until it asks whether it is stopped, and comes to
    /// nothing.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        what: &str,
        look: impl FnOnce(&dyn Fn() -> bool) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Event> {
        let stop = self.stop.clone();
        let looking = tokio::task::spawn_blocking(move || look(&|| stop.borrow().is_some()));
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

    /// Waits until the session is to stop.
    pub(super) async fn stopped(&self) {
        // An error says that nobody is left who could want it.
        if self.stop.clone().wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The `PATH` in which the runner looks for the tool.
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

/// Nothing was at work when the stop came.
pub(super) fn halted() -> Event {
    Event::Stopped {
        end: StopEnd::Graceful,
        error: "the deployment was cancelled".to_owned(),
        state: None,
    }
}

/// What becomes of a session that cannot go on without the secrets of its request.
pub(super) fn without_secrets() -> Event {
    failed(
        FailureKind::Interrupted,
        "the process that held the deployment ended, and the values that the request kept secret went with it; \
         nothing was applied: start a new deployment",
    )
}

/// An error with its causes, in one sentence.
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
