//! Stops a run from any thread.

use std::path::PathBuf;
use std::sync::mpsc;

use crate::client::invocation::start_cancel;
use crate::client::kept::reap;
use crate::client::order::Stop;

/// Stops a run; can be cloned and used from another thread while somebody waits for the run.
///
/// Asking for a stop returns at once: what becomes of it is told by the events and the result. Once the
/// run is over it does nothing.
#[derive(Clone, Debug)]
pub struct Canceller {
    way: Way,
}

/// How a stop gets to the run.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// A control line, by the thread that writes to stdin.
    Stdin(mpsc::Sender<Stop>),
    /// `iac-runner cancel`.
    Process { program: PathBuf, run_dir: PathBuf },
}

impl Canceller {
    pub(super) const fn new(way: Way) -> Self {
        Self { way }
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
        match &self.way {
            // An error says that the runner reads no more: the run is over.
            Way::Stdin(lines) => drop(lines.send(stop)),
            Way::Process { program, run_dir } => {
                if let Ok(child) = start_cancel(program, run_dir, stop) {
                    reap(child, |_| {});
                }
            }
        }
    }
}
