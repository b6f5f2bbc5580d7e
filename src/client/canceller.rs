//! Stops a run from anywhere.

use tokio::sync::watch;

use super::order::{Order, Stop};

/// Stops a run; can be cloned, moved to other tasks, and used while the caller waits for the run.
///
/// A call returns at once; the events and the result report its effect. A repeated call has no effect on a run that
/// received the first. An attached run that the stop did not reach
/// ([`RunEvent::StopFailed`](super::RunEvent::StopFailed)) is notified again. After the end of the run a call does
/// nothing.
#[derive(Clone, Debug)]
pub struct Canceller {
    orders: watch::Sender<Order>,
}

impl Canceller {
    pub(super) const fn new(orders: watch::Sender<Order>) -> Self {
        Self { orders }
    }

    /// Stops the run gracefully: SIGINT to the tool, SIGKILL after the request's grace.
    pub fn cancel(&self) {
        self.stop(Stop::Cancel);
    }

    /// Ends the tool at once with SIGKILL: its state may be lost and its lock may stay held.
    pub fn force(&self) {
        self.stop(Stop::Force);
    }

    fn stop(&self, stop: Stop) {
        self.orders.send_modify(|order| {
            order.stop = order.stop.max(Some(stop));
            order.asked += 1;
        });
    }

    /// Reports that no caller waits any more.
    pub(super) fn abandon(&self) {
        self.orders.send_modify(|order| order.is_abandoned = true);
    }
}
