//! State that a driver publishes to every handle.

use std::sync::Arc;

use tokio::sync::watch;

use crate::plan::PlanSummary;
use crate::session::storage::log::Log;
use crate::session::storage::projection::Projection;
use crate::session::{Outputs, Snapshot};

/// The receiving side, which every handle has.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) snapshot: watch::Receiver<Snapshot>,
    pub(crate) is_over: watch::Receiver<bool>,
    pub(crate) plan: watch::Sender<Option<Arc<PlanSummary>>>,
    pub(crate) outputs: watch::Sender<Option<Arc<Outputs>>>,
    /// Progress of the checkout.
    pub(crate) progress: watch::Sender<Option<String>>,
}

/// The sending side, which only the driver has. When it is dropped, with its runtime or by a panic, waiting
/// receivers learn that nothing more will come.
#[derive(Debug)]
pub(crate) struct Publisher {
    snapshot: watch::Sender<Snapshot>,
    is_over: watch::Sender<bool>,
    log: Log,
}

impl Published {
    pub(crate) fn new(facts: &Projection, log: Log) -> (Self, Publisher) {
        let (snapshot, seen) = watch::channel(facts.snapshot.clone());
        let (is_over, end) = watch::channel(false);
        let published = Self {
            snapshot: seen,
            is_over: end,
            plan: watch::Sender::new(None),
            outputs: watch::Sender::new(None),
            progress: watch::Sender::new(None),
        };
        let publisher = Publisher {
            snapshot,
            is_over,
            log,
        };
        (published, publisher)
    }

    pub(crate) fn publish_plan(&self, plan: PlanSummary) {
        self.plan.send_replace(Some(Arc::new(plan)));
    }

    pub(crate) fn publish_outputs(&self, outputs: Outputs) {
        self.outputs.send_replace(Some(Arc::new(outputs)));
    }
}

impl Publisher {
    pub(crate) fn publish(&self, facts: &Projection) {
        self.snapshot.send_if_modified(|shown| {
            let differs = *shown != facts.snapshot;
            if differs {
                shown.clone_from(&facts.snapshot);
            }
            differs
        });
    }

    /// Publishes the final state.
    pub(crate) fn end(&self, facts: &Projection) {
        self.publish(facts);
        self.log.close();
        self.is_over.send_replace(true);
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.log.close();
    }
}
