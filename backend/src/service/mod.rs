//! Runs deployments: a queue, sessions, and their copy in the store.
//!
//! # Recovery after a restart
//! The directory of a session is derived from the deployment's id, and the session creates it before it begins
//! anything. A process that claims a deployment looks there first and recovers an existing session, even if its secrets
//! cannot be decrypted. If there is no session, a fence must prove that none has begun; without a fence, the directory
//! was lost and the deployment ends as `unknown`. A running apply is left to its supervisor, and followed.

mod cleanup;
mod data_dir;
mod decisions;
mod error;
mod exposure;
mod node;
mod queue;
mod reads;
mod worker;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytesize::ByteSize;
use iac_runner::client::Runner;
use iac_runner::process::{FileId, memory_limit};
use iac_runner::protocol::MIN_MEMORY_LIMIT_BYTES;
use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::runner::{SandboxLevel, sandbox_level};
use iac_runner::session::{Session, Settings};
use tokio::sync::{Notify, watch};
use tracing::error;

use self::data_dir::DataDir;
pub use self::decisions::Decision;
use self::decisions::pending_audit::PendingAudit;
pub use self::queue::retry::Supplied;
pub use self::reads::log_text::LogText;
pub use self::reads::view::DeploymentView;
pub(crate) use self::reads::view::waiting_line;
use self::worker::active_deployments::ActiveDeployments;
use crate::auth::ApprovalRule;
use crate::causes::Causes;
use crate::config::{self, Config, SESSIONS_DIR};
use crate::metrics::Metrics;
use crate::sealing::Sealer;
use crate::store::{DeploymentId, Node, Store};
pub use error::{DecisionError, OpenError, RequestError, RetryError, RunError};
use node::{NameLease, Probe};

/// Below the data directory: mirrors of repositories.
const MIRRORS_DIR: &str = "mirrors";

/// Runs deployments; clones share the same state.
#[derive(Clone)]
pub struct Service {
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<dyn Store>,
    sealer: Sealer,
    /// Settings of all sessions, except for their root.
    settings: Settings,
    sessions_dir: PathBuf,
    node: Node,
    name_lease: NameLease,
    probe: Probe,
    data_dir: DataDir,
    concurrency: NonZeroUsize,
    lease: Duration,
    log_limit: ByteSize,
    record_retention: Duration,
    audit_retention: Duration,
    approval_rule: ApprovalRule,
    local_sources: bool,
    sandbox: SandboxLevel,
    active_deployments: ActiveDeployments,
    pending_audit: PendingAudit,
    metrics: Metrics,
    /// A deployment has ended since the store was last scrubbed, perhaps in a previous process.
    needs_scrub: AtomicBool,
    /// A deployment may be ready to claim.
    wake: Notify,
    is_stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("node", &self.shared.node.name)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Opens a service from its configuration; it starts no work before [`Service::run`].
    ///
    /// # Errors
    /// The data directory or the node name is in use, the runner was not found, or the registry host is not valid.
    pub async fn open(
        config: &Config,
        store: Arc<dyn Store>,
        sealer: Sealer,
    ) -> Result<Self, OpenError> {
        let claimed_dir = DataDir::claim(&config.store.data_dir)?;
        let data_dir = claimed_dir.dir();
        exposure::refuse_exposed(config, data_dir)?;
        let work = &config.work;
        let runner = match &work.runner {
            Some(program) => Runner::at(program),
            None => Runner::locate(),
        };
        let runner = runner.map_err(|error| OpenError::Runner(Box::new(error)))?;
        let sessions_dir = data_dir.join(SESSIONS_DIR);
        let mut settings = Settings::new(runner, &sessions_dir);
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
        let sandbox = sandbox_level(config.sandbox.mode).map_err(OpenError::Sandbox)?;
        let name = match &work.node {
            Some(name) => name.clone(),
            None => claimed_dir.identity()?,
        };
        // Last: a service that fails to start for another reason must not hold the name.
        let (node, held_since) = node::take(store.as_ref(), name, &claimed_dir, work.lease).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                sealer,
                settings,
                sessions_dir,
                node,
                name_lease: NameLease::new(held_since, work.lease),
                probe: Probe::default(),
                data_dir: claimed_dir,
                concurrency: work.concurrency,
                lease: work.lease,
                log_limit: work.log_limit,
                record_retention: config.store.record_retention,
                audit_retention: config.store.audit_retention,
                approval_rule: match config.auth.starter_may_approve {
                    true => ApprovalRule::StarterMayApprove,
                    false => ApprovalRule::AnotherPerson,
                },
                local_sources: work.local_sources,
                active_deployments: ActiveDeployments::default(),
                pending_audit: PendingAudit::default(),
                metrics: Metrics::of(sandbox.name.as_deref()),
                sandbox,
                needs_scrub: AtomicBool::new(true),
                wake: Notify::new(),
                is_stopping: watch::Sender::new(false),
            }),
        })
    }

    /// Returns the store.
    pub fn store(&self) -> &dyn Store {
        self.shared.store.as_ref()
    }

    /// Returns the session of a deployment that this process runs.
    pub fn session(&self, id: DeploymentId) -> Option<Session> {
        self.shared.active_deployments.session(id)
    }

    /// Returns the metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Returns the sandbox that tools run in on this machine.
    pub fn sandbox(&self) -> &SandboxLevel {
        &self.shared.sandbox
    }

    /// Returns how many deployments this process runs, including those that wait for approval.
    pub fn active(&self) -> usize {
        self.shared.active_deployments.count()
    }

    /// Returns a receiver that changes when this process starts or stops running a deployment.
    pub fn active_changes(&self) -> watch::Receiver<()> {
        self.shared.active_deployments.watch()
    }

    /// Stops claiming deployments. Running ones are left to their supervisors, and the next start recovers them.
    pub fn stop(&self) {
        self.shared.is_stopping.send_replace(true);
    }

    /// Returns a receiver of whether the service is stopping.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.shared.is_stopping.subscribe()
    }

    /// Makes sure that deployments can be stored in the data directory; returns whether they can.
    pub(crate) fn can_store_deployments(&self) -> bool {
        match self.shared.data_dir.keep_accessible() {
            Ok(()) => true,
            Err(fault) => {
                error!(error = %Causes(&fault), "data directory not usable");
                false
            }
        }
    }

    /// Returns the session directory of a deployment if it is not in the data directory of this service, which then
    /// does not run the deployment: the journal and the processes there may have gone on without this copy.
    fn foreign_dir<'a>(&self, id: DeploymentId, session_dir: Option<&'a str>) -> Option<&'a Path> {
        let own = self.dir(id);
        session_dir
            .map(Path::new)
            .filter(|dir| *dir != own && !is_same_file(dir, &own))
    }

    /// Returns the directory of a deployment on this machine.
    fn dir(&self, id: DeploymentId) -> PathBuf {
        self.shared.sessions_dir.join(id.to_string())
    }
}

/// Returns whether both paths lead to one directory, by symbolic links or mounts.
fn is_same_file(one: &Path, other: &Path) -> bool {
    match (FileId::at(one), FileId::at(other)) {
        (Ok(one), Ok(other)) => one == other,
        (_, _) => false,
    }
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
