//! The handle of a call under tokio.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};

use super::{Canceller, ClientError, RunEvent};
use crate::protocol::RunResult;

/// A run that was started or attached to; a [`Stream`] of its events.
///
/// Events wait in a queue of 64; when it is full, the runner keeps what comes, and the tool never
/// waits. The last event carries the result; [`wait`](Self::wait) gives it too, checked against
/// the runner's exit status.
///
/// Dropped before the run is over, a handle from [`Runner::spawn`](super::Runner::spawn) cancels the run
/// gracefully, and its task goes on until the runner is reaped. Dropped with its whole runtime, it closes
/// the runner's pipes, which the runner takes as a disconnect (the request's `on_disconnect` says what
/// follows), and a thread reaps the runner. A handle from
/// [`Runner::attach`](super::Runner::attach) leaves the run alone when dropped.
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

    /// Process id of the runner, for logs. It may have ended: do not signal it.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the next event; none after the last one. Nothing is lost when the wait is given up.
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

    /// Something that stops the run while this handle is waited on.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Waits for the result; events not taken so far are let go.
    ///
    /// Given up, it drops the handle, which cancels the run. To wait with a deadline, or for a Ctrl-C, and
    /// still get the result, pin it and use a [`Canceller`].
    ///
    /// # Errors
    /// [`ClientError::Deadline`] when the runner is still there at timeout + grace + margin. It is then let
    /// go: its pipes close, which it takes as a disconnect, and a run with a run directory can be attached
    /// to. Any other [`ClientError`] when there is no result that can be trusted.
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
        // Nothing is awaited here: the task does the rest, and a task that is over hears nothing.
        self.canceller.abandon();
    }
}
