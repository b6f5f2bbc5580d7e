//! Stops a run from anywhere.

use tokio::sync::watch;

use super::call::stop_request::{RequestedStop, StopLevel};

/// Stops a run; can be cloned, moved to other tasks, and used while the caller waits for the run.
///
/// A call returns at once; the events and the result report its effect. A repeated call has no effect on a run that
/// received the first. An attached run that the stop did not reach
/// ([`RunEvent::StopFailed`](super::RunEvent::StopFailed)) is notified again. After the end of the run a call does
/// nothing.
#[derive(Clone, Debug)]
pub struct Canceller {
    requested_stops: watch::Sender<RequestedStop>,
}

impl Canceller {
    pub(super) const fn new(requested_stops: watch::Sender<RequestedStop>) -> Self {
        Self { requested_stops }
    }

    /// Stops the run gracefully: SIGINT to the tool, SIGKILL after the request's grace.
    pub fn cancel(&self) {
        self.stop(StopLevel::Cancel);
    }

    /// Ends the tool at once with SIGKILL: its state may be lost and its lock may stay held.
    pub fn force(&self) {
        self.stop(StopLevel::Force);
    }

    fn stop(&self, stop: StopLevel) {
        self.requested_stops.send_modify(|requested_stop| {
            requested_stop.stop = requested_stop.stop.max(Some(stop));
            requested_stop.asked += 1;
        });
    }

    /// Reports that no caller waits any more.
    pub(super) fn abandon(&self) {
        self.requested_stops
            .send_modify(|requested_stop| requested_stop.is_abandoned = true);
    }
}
