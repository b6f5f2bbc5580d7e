//! State that a driver publishes to every handle.

use std::sync::Arc;

use tokio::sync::watch;

use super::facts::Facts;
use super::log::Log;
use super::{Outputs, Snapshot};
use crate::plan::PlanSummary;

/// The receiving side, which every handle has.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) snapshot: watch::Receiver<Snapshot>,
    pub(super) is_over: watch::Receiver<bool>,
    pub(super) plan: watch::Sender<Option<Arc<PlanSummary>>>,
    pub(super) outputs: watch::Sender<Option<Arc<Outputs>>>,
    /// Progress of the checkout.
    pub(super) progress: watch::Sender<Option<String>>,
}

/// The sending side, which only the driver has. When it is dropped, with its runtime or by a panic, waiting
/// receivers learn that nothing more will come.
#[derive(Debug)]
pub(super) struct Publisher {
    snapshot: watch::Sender<Snapshot>,
    is_over: watch::Sender<bool>,
    log: Log,
}

impl Published {
    pub(super) fn new(facts: &Facts, log: Log) -> (Self, Publisher) {
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

    pub(super) fn publish_plan(&self, plan: PlanSummary) {
        self.plan.send_replace(Some(Arc::new(plan)));
    }

    pub(super) fn publish_outputs(&self, outputs: Outputs) {
        self.outputs.send_replace(Some(Arc::new(outputs)));
    }
}

impl Publisher {
    pub(super) fn publish(&self, facts: &Facts) {
        self.snapshot.send_if_modified(|shown| {
            let differs = *shown != facts.snapshot;
            if differs {
                shown.clone_from(&facts.snapshot);
            }
            differs
        });
    }

    /// Publishes the final state.
    pub(super) fn end(&self, facts: &Facts) {
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
