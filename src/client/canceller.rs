//! Stops a run from anywhere.

use tokio::sync::watch;

use super::order::{Order, Stop};

/// Stops a run; can be cloned, sent elsewhere, and used while somebody waits for the run.
///
/// Asking for a stop returns at once: what becomes of it is told by the events and the result. To ask once more
/// does nothing to a run that was told; one that was attached to, and that the stop did not reach
/// ([`RunEvent::StopFailed`](super::RunEvent::StopFailed)), is told again. Once the run is over it does nothing.
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

    /// Ends the tool at once with SIGKILL: its state may be lost, its lock stay held.
    pub fn force(&self) {
        self.stop(Stop::Force);
    }

    fn stop(&self, stop: Stop) {
        self.orders.send_modify(|order| {
            order.stop = order.stop.max(Some(stop));
            order.asked += 1;
        });
    }

    /// Says that nobody waits any more.
    pub(super) fn abandon(&self) {
        self.orders.send_modify(|order| order.is_abandoned = true);
    }
}
