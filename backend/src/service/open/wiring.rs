//! Creates the parts of a service.

use std::sync::Arc;

use iac_runner::session::Settings;

use crate::auth::ApprovalRule;
use crate::config::{Config, Work};
use crate::metrics::Metrics;
use crate::sealing::Sealer;
use crate::service::audit::backfill::AuditBackfill;
use crate::service::audit::intent::AuditIntents;
use crate::service::audit::pending::PendingAudit;
use crate::service::cleanup::Cleanup;
use crate::service::cleanup::scrub::Scrub;
use crate::service::decisions::Decisions;
use crate::service::decisions::forwarder::Forwarder;
use crate::service::decisions::inbox::Inbox;
use crate::service::decisions::session_lookup::SessionLookup;
use crate::service::node::data_dir::DataDir;
use crate::service::node::lease::NodeLease;
use crate::service::node::readiness::Readiness;
use crate::service::node::session_dirs::SessionDirs;
use crate::service::queue::Queue;
use crate::service::queue::request_check::RequestCheck;
use crate::service::reads::Reads;
use crate::service::scheduler::Scheduler;
use crate::service::state::active_deployments::ActiveDeployments;
use crate::service::state::retrying_store::RetryingStore;
use crate::service::state::stop_signal::StopSignal;
use crate::service::state::wake_signal::WakeSignal;
use crate::service::worker::claimer::Claimer;
use crate::service::worker::drain::Drain;
use crate::service::worker::executor::Executor;
use crate::service::worker::session_opener::SessionOpener;
use crate::service::worker::sync::SessionSync;
use crate::store::Store;

/// What the parts share; each gets only what it needs.
pub(super) struct Wiring {
    pub(super) store: Arc<dyn Store>,
    pub(super) sealer: Sealer,
    pub(super) settings: Arc<Settings>,
    pub(super) data_dir: Arc<DataDir>,
    pub(super) node_lease: Arc<NodeLease>,
    pub(super) approval_rule: ApprovalRule,
    pub(super) metrics: Arc<Metrics>,
    pub(super) scrub: Scrub,
    pub(super) active_deployments: ActiveDeployments,
    pub(super) pending_audit: PendingAudit,
    pub(super) wake: WakeSignal,
    pub(super) stop: StopSignal,
}

impl Wiring {
    pub(super) fn reads(&self) -> Reads {
        Reads::new(Arc::clone(&self.store), self.active_deployments.clone())
    }

    pub(super) fn queue(&self, reads: Reads, work: &Work) -> Queue {
        Queue {
            store: Arc::clone(&self.store),
            reads,
            checks: RequestCheck::new(Arc::clone(&self.settings), work.local_sources),
            approval_rule: self.approval_rule,
            sealer: self.sealer.clone(),
            wake: self.wake.clone(),
        }
    }

    pub(super) fn decisions(&self) -> Decisions {
        Decisions {
            store: Arc::clone(&self.store),
            approval_rule: self.approval_rule,
            node_lease: Arc::clone(&self.node_lease),
            forwarder: Forwarder::new(Arc::clone(&self.store)),
            sessions: SessionLookup {
                store: Arc::clone(&self.store),
                node_lease: Arc::clone(&self.node_lease),
                session_dirs: self.session_dirs(),
                active_deployments: self.active_deployments.clone(),
            },
            active_deployments: self.active_deployments.clone(),
            intents: AuditIntents::new(self.retrying_store(), self.pending_audit.clone()),
            scrub: self.scrub.clone(),
            metrics: Arc::clone(&self.metrics),
        }
    }

    pub(super) fn scheduler(&self, decisions: Decisions, config: &Config) -> Scheduler {
        Scheduler {
            store: Arc::clone(&self.store),
            node_lease: Arc::clone(&self.node_lease),
            claimer: self.claimer(&config.work),
            inbox: Inbox {
                store: Arc::clone(&self.store),
                node_lease: Arc::clone(&self.node_lease),
                active_deployments: self.active_deployments.clone(),
                decisions,
            },
            cleanup: Cleanup {
                store: Arc::clone(&self.store),
                session_dirs: self.session_dirs(),
                session_retention: self.settings.retention,
                record_retention: config.store.record_retention,
                audit_retention: config.store.audit_retention,
            },
            scrub: self.scrub.clone(),
            wake: self.wake.clone(),
            stop: self.stop.clone(),
        }
    }

    pub(super) fn drain(&self) -> Drain {
        Drain::new(self.active_deployments.clone(), self.settings.grace)
    }

    pub(super) fn readiness(&self) -> Readiness {
        Readiness::new(
            Arc::clone(&self.store),
            Arc::clone(&self.data_dir),
            Arc::clone(&self.node_lease),
            self.stop.clone(),
        )
    }

    fn claimer(&self, work: &Work) -> Claimer {
        Claimer {
            store: Arc::clone(&self.store),
            node_lease: Arc::clone(&self.node_lease),
            data_dir: Arc::clone(&self.data_dir),
            session_dirs: self.session_dirs(),
            active_deployments: self.active_deployments.clone(),
            executor: Arc::new(self.executor(work)),
            stop: self.stop.clone(),
            concurrency: work.concurrency,
            lease: work.lease,
        }
    }

    fn executor(&self, work: &Work) -> Executor {
        let audit = AuditBackfill::new(self.retrying_store(), self.pending_audit.clone());
        Executor {
            store: self.retrying_store(),
            opener: SessionOpener {
                store: self.retrying_store(),
                session_dirs: self.session_dirs(),
                settings: Arc::clone(&self.settings),
                sealer: self.sealer.clone(),
                approval_rule: self.approval_rule,
            },
            sync: SessionSync {
                store: self.retrying_store(),
                audit: audit.clone(),
                active_deployments: self.active_deployments.clone(),
                metrics: Arc::clone(&self.metrics),
                wake: self.wake.clone(),
                stop: self.stop.clone(),
                lease: work.lease,
                log_limit: work.log_limit,
                approval_deadline: self.settings.approval_deadline,
            },
            audit,
            active_deployments: self.active_deployments.clone(),
            metrics: Arc::clone(&self.metrics),
            scrub: self.scrub.clone(),
            wake: self.wake.clone(),
        }
    }

    fn retrying_store(&self) -> RetryingStore {
        RetryingStore::new(Arc::clone(&self.store), self.stop.clone())
    }

    fn session_dirs(&self) -> SessionDirs {
        SessionDirs::new(Arc::clone(&self.data_dir))
    }
}
