//! Opens a service: claims its data directory and node name, and creates its parts.

mod exposure;
mod settings;
mod wiring;

use std::sync::Arc;

use iac_runner::runner::sandbox_level;

use self::settings::session_settings;
use self::wiring::Wiring;
use super::audit::pending::PendingAudit;
use super::cleanup::scrub::Scrub;
use super::node::data_dir::DataDir;
use super::node::lease::NodeLease;
use super::node::name;
use super::state::active_deployments::ActiveDeployments;
use super::state::stop_signal::StopSignal;
use super::state::wake_signal::WakeSignal;
use super::{OpenError, Parts, Service};
use crate::auth::ApprovalRule;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::sealing::Sealer;
use crate::store::Store;

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
        let data_dir = DataDir::claim(&config.store.data_dir)?;
        exposure::refuse_exposed(config, data_dir.dir())?;
        let settings = session_settings(config, data_dir.dir())?;
        let sandbox = sandbox_level(config.sandbox.mode).map_err(OpenError::Sandbox)?;
        let node_name = match &config.work.node {
            Some(name) => name.clone(),
            None => data_dir.identity()?,
        };
        let lease = config.work.lease;
        // Last: a service that fails to start for another reason must not hold the name.
        let (node, asked_at) = name::take(store.as_ref(), node_name, &data_dir, lease).await?;
        let stop = StopSignal::default();
        let node_lease = NodeLease::new(Arc::clone(&store), node, asked_at, lease, stop.clone());
        let wiring = Wiring {
            settings: Arc::new(settings),
            data_dir: Arc::new(data_dir),
            node_lease: Arc::new(node_lease),
            approval_rule: match config.auth.starter_may_approve {
                true => ApprovalRule::StarterMayApprove,
                false => ApprovalRule::AnotherPerson,
            },
            sealer,
            active_deployments: ActiveDeployments::default(),
            pending_audit: PendingAudit::default(),
            metrics: Arc::new(Metrics::of(sandbox.name.as_deref())),
            scrub: Scrub::new(Arc::clone(&store)),
            wake: WakeSignal::default(),
            stop,
            store,
        };
        let (reads, decisions) = (wiring.reads(), wiring.decisions());
        Ok(Self {
            parts: Arc::new(Parts {
                queue: wiring.queue(reads.clone(), &config.work),
                scheduler: wiring.scheduler(decisions.clone(), config),
                drain: wiring.drain(),
                readiness: wiring.readiness(),
                decisions,
                reads,
                node_lease: wiring.node_lease,
                store: wiring.store,
                metrics: wiring.metrics,
                sandbox,
                stop: wiring.stop,
            }),
        })
    }
}
