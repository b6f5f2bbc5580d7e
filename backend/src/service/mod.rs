//! Deployments at work: a queue, the sessions that carry them out, and their mirror in the store.
//!
//! | file | holds |
//! |---|---|
//! | `place` | the data directory: whose it is, and the name of its owner |
//! | `node` | the name of the node, which belongs to the data directory, and its signs of life |
//! | `start` | a request becomes a deployment that waits |
//! | `dispatch` | what waits is claimed, as many at a time as may be |
//! | `carry` | one claimed deployment: its session is started, or taken up again |
//! | `exposure` | rejects sandbox settings that would expose files of the service |
//! | `fence` | a file that proves that the work on a deployment has not begun |
//! | `mirror` | what its session says goes into the store |
//! | `intent` | a decision is written down before it takes effect |
//! | `owed` | entries of the audit trail that are on their way into the store |
//! | `trail` | what the audit trail does not say yet of the decisions about a session |
//! | `live` | the sessions of this process |
//! | `decide`, `force` | approve, reject, cancel, gracefully or by force |
//! | `handover` | decisions about what another node carries |
//! | `retry` | a deployment that is over becomes a request once more |
//! | `drain` | the end of a service that takes everything with it which it started |
//! | `sweep` | working directories and records go when their time is over |
//! | `view` | where a deployment stands |
//! | `log_limit` | limits how much of a log is stored |
//! | `log_text` | its log as text |
//!
//! # What a restart finds
//! The directory of a deployment's session follows from the deployment's name and is made by the session before it
//! begins anything. So whoever claims a deployment looks there first: a session that is there is taken up again, also when
//! its secrets don't open. Where there is none, a fence has to prove that none has begun; without it, the directory was
//! lost and the deployment ends as `unknown`. An apply that runs is left to its supervisor, and followed.

mod carry;
mod decide;
mod dispatch;
mod drain;
mod error;
mod exposure;
mod fence;
mod force;
mod handover;
mod intent;
mod live;
mod log_limit;
mod log_text;
mod mirror;
mod node;
mod owed;
mod place;
mod retry;
mod start;
mod sweep;
mod trail;
mod view;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytesize::ByteSize;
use iac_runner::client::Runner;
use iac_runner::registry::{Registry, RegistryHost, TokenSource};
use iac_runner::runner::{SandboxLevel, sandbox_level};
use iac_runner::session::{Session, Settings};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::auth::ApprovalRule;
use crate::config::{self, Config};
use crate::metrics::Metrics;
use crate::sealing::Sealer;
use crate::store::{DeploymentId, Node, Store};
pub use decide::Decision;
pub use error::{DecisionError, OpenError, RequestError, RetryError, RunError};
use live::Live;
pub use log_text::LogText;
use node::{NameLease, Probe};
use owed::Owed;
use place::Place;
pub use retry::Supplied;
pub use view::View;
pub(crate) use view::waiting_line;

/// Below the data directory: where each deployment has its own.
const SESSIONS_DIR: &str = "sessions";
/// Below the data directory: mirrors of repositories.
const MIRRORS_DIR: &str = "mirrors";

/// Deployments at work; clones are handles of the same.
#[derive(Clone)]
pub struct Service {
    parts: Arc<Parts>,
}

struct Parts {
    store: Arc<dyn Store>,
    sealer: Sealer,
    /// What all sessions have in common, but for their root.
    settings: Settings,
    sessions_dir: PathBuf,
    node: Node,
    name_lease: NameLease,
    probe: Probe,
    _place: Place,
    concurrency: NonZeroUsize,
    lease: Duration,
    log_limit: ByteSize,
    record_retention: Duration,
    audit_retention: Duration,
    approval_rule: ApprovalRule,
    local_sources: bool,
    sandbox: SandboxLevel,
    live: Live,
    owed: Owed,
    metrics: Metrics,
    /// Something has ended since the store was scrubbed; a former process may have left it to this one.
    is_to_be_scrubbed: AtomicBool,
    /// Something may be claimed.
    wake: Notify,
    is_stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("node", &self.parts.node.name)
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Makes a service of its configuration; nothing is begun before [`Service::run`].
    ///
    /// # Errors
    /// The data directory or the node name is in use, the runner is not there, or the registry has no address.
    pub async fn open(
        config: &Config,
        store: Arc<dyn Store>,
        sealer: Sealer,
    ) -> Result<Self, OpenError> {
        let place = Place::claim(&config.store.data_dir)?;
        let data_dir = place.dir();
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
        settings.allowed_git_hosts = work.allowed_git_hosts.clone();
        settings.registry = registry(&config.registry)?;
        let sandbox = sandbox_level(config.sandbox.mode).map_err(OpenError::Sandbox)?;
        let identity = place.identity()?;
        let name = work.node.clone().unwrap_or_else(|| identity.clone());
        // Last: a service that can't start for another reason keeps nobody from the name.
        let asked_at = Instant::now();
        let node = node::take(store.as_ref(), name, identity, work.lease).await?;
        Ok(Self {
            parts: Arc::new(Parts {
                store,
                sealer,
                settings,
                sessions_dir,
                node,
                name_lease: NameLease::new(asked_at, work.lease),
                probe: Probe::default(),
                _place: place,
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
                live: Live::default(),
                owed: Owed::default(),
                metrics: Metrics::of(sandbox.name.as_deref()),
                sandbox,
                is_to_be_scrubbed: AtomicBool::new(true),
                wake: Notify::new(),
                is_stopping: watch::Sender::new(false),
            }),
        })
    }

    /// What lasts.
    pub fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    /// The session of a deployment that this process carries.
    pub fn session(&self, id: DeploymentId) -> Option<Session> {
        self.parts.live.session(id)
    }

    /// What is counted and measured.
    pub fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    /// What the tools are confined by here.
    pub fn sandbox(&self) -> &SandboxLevel {
        &self.parts.sandbox
    }

    /// How many deployments this process carries, those that wait for an approval included.
    pub fn active(&self) -> usize {
        self.parts.live.count()
    }

    /// Something to watch with: it changes whenever this process begins or ceases to carry a deployment.
    pub fn carried(&self) -> watch::Receiver<()> {
        self.parts.live.watch()
    }

    /// Begins nothing more. What runs is left to its supervisors, for the next start to take up.
    pub fn stop(&self) {
        self.parts.is_stopping.send_replace(true);
    }

    /// Something to watch with: whether the service is stopping.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.parts.is_stopping.subscribe()
    }

    /// The directory of a deployment on this machine.
    fn dir(&self, id: DeploymentId) -> PathBuf {
        self.parts.sessions_dir.join(id.to_string())
    }
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
