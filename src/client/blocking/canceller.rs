//! Stops a run from any thread.

use std::path::PathBuf;
use std::sync::{Arc, Weak, mpsc};
use std::thread;

use crate::client::RunEvent;
use crate::client::distant_stop;
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
    Process {
        program: PathBuf,
        run_dir: PathBuf,
        /// Where a failure is told, as long as the run is followed.
        events: Weak<mpsc::SyncSender<RunEvent>>,
    },
}

/// Puts an event of this client's own among the others; never holds the caller, who may be their reader.
fn tell(events: Arc<mpsc::SyncSender<RunEvent>>, event: RunEvent) {
    if let Err(mpsc::TrySendError::Full(event)) = events.try_send(event) {
        // Ends when the event is taken, or nobody takes events any more.
        let _ = thread::Builder::new().spawn(move || events.send(event));
    }
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
            Way::Process {
                program,
                run_dir,
                events,
            } => {
                let events = Weak::clone(events);
                distant_stop::stop(program, run_dir, stop, move |failed| {
                    // Without a sender the run is over, and who asked has its result.
                    if let Some(events) = events.upgrade() {
                        tell(events, failed);
                    }
                });
            }
        }
    }
}
