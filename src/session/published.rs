//! What a driver shows to every handle.

use std::sync::Arc;

use tokio::sync::watch;

use super::facts::Facts;
use super::{Outputs, Snapshot};
use crate::plan::PlanSummary;

/// What a driver shows to every handle.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) snapshot: watch::Sender<Snapshot>,
    pub(super) is_over: watch::Sender<bool>,
    pub(super) plan: watch::Sender<Option<Arc<PlanSummary>>>,
    pub(super) outputs: watch::Sender<Option<Arc<Outputs>>>,
}

impl Published {
    pub(super) fn new(facts: &Facts) -> Self {
        Self {
            snapshot: watch::Sender::new(facts.snapshot.clone()),
            is_over: watch::Sender::new(false),
            plan: watch::Sender::new(None),
            outputs: watch::Sender::new(None),
        }
    }

    pub(super) fn publish(&self, facts: &Facts) {
        self.snapshot.send_if_modified(|shown| {
            let differs = *shown != facts.snapshot;
            if differs {
                shown.clone_from(&facts.snapshot);
            }
            differs
        });
    }

    pub(super) fn publish_plan(&self, plan: PlanSummary) {
        self.plan.send_replace(Some(Arc::new(plan)));
    }

    pub(super) fn publish_outputs(&self, outputs: Outputs) {
        self.outputs.send_replace(Some(Arc::new(outputs)));
    }

    /// Says that nothing changes any more.
    pub(super) fn end(&self) {
        self.is_over.send_replace(true);
    }
}
