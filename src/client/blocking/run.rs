//! The handle of a call without tokio.

use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use wait_timeout::ChildExt;

use super::Canceller;
use crate::client::call::check_exit::verdict;
use crate::client::call::invocation::{END_TO_STDERR, LAST_WORD_TO_END, Purpose};
use crate::client::call::reading::Reading;
use crate::client::call::reaper::ReapedChild;
use crate::client::{ClientError, ReadFault, RunEvent};
use crate::protocol::RunResult;

/// A run that was started or attached to; an iterator over its events.
///
/// The iterator ends after the last event, and at the outer deadline. Events wait in a queue of 64. When it is
/// full, the runner keeps further events; the tool never waits.
///
/// Dropping a handle from [`Runner::spawn`](super::Runner::spawn) before the run ends cancels the run gracefully,
/// and a thread reaps the runner. Dropping a handle from [`Runner::attach`](super::Runner::attach) leaves the run
/// alone.
#[derive(Debug)]
pub struct Run {
    pub(super) child: Option<ReapedChild>,
    pub(super) purpose: Purpose,
    pub(super) pid: u32,
    pub(super) events: Option<Receiver<RunEvent>>,
    pub(super) reading: Receiver<Reading>,
    pub(super) stderr_tail: Receiver<String>,
    pub(super) canceller: Canceller,
    pub(super) began: Instant,
    pub(super) limit: Duration,
    pub(super) run_dir: Option<PathBuf>,
}

impl Run {
    /// Returns the process id of the runner, for logs. The runner may have ended: do not signal it.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Stops the run gracefully, see [`Canceller::cancel`].
    pub fn cancel(&self) {
        self.canceller.cancel();
    }

    /// Ends the tool at once, see [`Canceller::force`].
    pub fn force(&self) {
        self.canceller.force();
    }

    /// Returns a handle that stops the run from another thread while this one waits.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Waits for the result, at most until the outer deadline; discards events that were not read.
    ///
    /// # Errors
    /// [`ClientError::Deadline`] when the runner still runs at timeout + grace + margin. The client then kills the
    /// runner but not its supervisor, which treats this as a disconnect, so that a run with a run directory can be
    /// attached to. Any other [`ClientError`] when no trustworthy result exists.
    pub fn wait(mut self) -> Result<RunResult, ClientError> {
        // The thread that reads stdout drops events that have no reader, and reads on to the result.
        self.events = None;
        let Some(mut kept) = self.child.take() else {
            return Err(self.deadline());
        };
        let Some(child) = kept.child() else {
            return Err(self.deadline());
        };
        let left = self.limit.saturating_sub(self.began.elapsed());
        let Some(status) = child.wait_timeout(left).map_err(ClientError::Wait)? else {
            kept.kill();
            return Err(self.deadline());
        };
        let reading = self
            .reading
            .recv_timeout(LAST_WORD_TO_END)
            .unwrap_or(Err(ReadFault::HeldOpen));
        let stderr_tail = match reading {
            Ok(_) => String::new(),
            Err(_) => self
                .stderr_tail
                .recv_timeout(END_TO_STDERR)
                .unwrap_or_default(),
        };
        verdict(reading, Some(status), stderr_tail)
    }

    fn deadline(&self) -> ClientError {
        ClientError::Deadline {
            waited: self.limit,
            run_dir: self.run_dir.clone(),
        }
    }
}

impl Iterator for Run {
    type Item = RunEvent;

    fn next(&mut self) -> Option<RunEvent> {
        let left = self.limit.saturating_sub(self.began.elapsed());
        self.events.as_ref()?.recv_timeout(left).ok()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // If the child is gone from here, the run has ended or the caller has given up.
        if self.child.is_some() && self.purpose == Purpose::Run {
            self.canceller.cancel();
        }
    }
}
