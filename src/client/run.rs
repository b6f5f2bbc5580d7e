//! The handle of a call under tokio.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use super::{Canceller, ClientError, RunEvent};
use crate::protocol::RunResult;

/// A run that was started or attached to; a [`Stream`] of its events.
///
/// Events wait in a queue of 64. When it is full, the runner keeps further events; the tool never waits. The last
/// event carries the result; [`wait`](Self::wait) returns it too, checked against the runner's exit status.
///
/// Dropping a handle from [`Runner::spawn`](super::Runner::spawn) before the run ends cancels the run gracefully,
/// and its task continues until the runner is reaped. Dropping it together with its runtime closes the runner's
/// pipes, which the runner treats as a disconnect (the request's `on_disconnect` decides what follows), and a
/// thread reaps the runner. Dropping a handle from [`Runner::attach`](super::Runner::attach) leaves the run alone.
#[derive(Debug)]
pub struct Run {
    events: mpsc::Receiver<RunEvent>,
    verdict: oneshot::Receiver<Result<RunResult, ClientError>>,
    canceller: Canceller,
    pid: u32,
}

impl Run {
    pub(super) const fn new(
        events: mpsc::Receiver<RunEvent>,
        verdict: oneshot::Receiver<Result<RunResult, ClientError>>,
        canceller: Canceller,
        pid: u32,
    ) -> Self {
        Self {
            events,
            verdict,
            canceller,
            pid,
        }
    }

    /// Returns the process id of the runner, for logs. The runner may have ended: do not signal it.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the next event; returns `None` after the last one. Cancel safe: no event is lost.
    pub async fn next_event(&mut self) -> Option<RunEvent> {
        self.events.recv().await
    }

    /// Stops the run gracefully, see [`Canceller::cancel`].
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// Ends the tool at once, see [`Canceller::force`].
    pub fn force(&self) {
        self.canceller.force();
    }

    /// Returns a handle that stops the run while this handle is awaited.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Waits for the result; discards events that were not read.
    ///
    /// Dropping the future drops the handle, which cancels the run. To wait with a deadline, or for a Ctrl-C, and
    /// still get the result, pin the future and use a [`Canceller`].
    ///
    /// # Errors
    /// [`ClientError::Deadline`] when the runner still runs at timeout + grace + margin. The client then closes the
    /// runner's pipes, which the runner treats as a disconnect; a run with a run directory can be attached to. Any
    /// other [`ClientError`] when no trustworthy result exists.
    pub async fn wait(mut self) -> Result<RunResult, ClientError> {
        self.events.close();
        (&mut self.verdict)
            .await
            .unwrap_or(Err(ClientError::RuntimeGone))
    }
}

impl Stream for Run {
    type Item = RunEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<RunEvent>> {
        self.events.poll_recv(context)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Nothing is awaited here: the task does the rest, and a task that has ended ignores this.
        self.canceller.abandon();
    }
}
