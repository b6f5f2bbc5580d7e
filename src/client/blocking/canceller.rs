//! Stops a run from any thread.

use std::path::PathBuf;
use std::sync::{Arc, Weak, mpsc};
use std::thread;

use crate::client::RunEvent;
use crate::client::call::remote_cancel;
use crate::client::call::stop_request::StopLevel;

/// Stops a run; can be cloned and used from another thread while the caller waits for the run.
///
/// A call returns at once; the events and the result report its effect. After the end of the run a call does
/// nothing.
#[derive(Clone, Debug)]
pub struct Canceller {
    way: Way,
}

/// How a stop reaches the run.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// A control line, written by the thread that owns stdin.
    Stdin(mpsc::Sender<StopLevel>),
    /// `iac-runner cancel`.
    Process {
        program: PathBuf,
        run_dir: PathBuf,
        /// Receives failures while the run is followed.
        events: Weak<mpsc::SyncSender<RunEvent>>,
    },
}

/// Adds an event of this client to the queue; never blocks the caller, who may be the queue's reader.
fn send_event(events: Arc<mpsc::SyncSender<RunEvent>>, event: RunEvent) {
    if let Err(mpsc::TrySendError::Full(event)) = events.try_send(event) {
        // Ends when the event is received or the receiver is dropped.
        let _ = thread::Builder::new().spawn(move || events.send(event));
    }
}

impl Canceller {
    pub(super) const fn new(way: Way) -> Self {
        Self { way }
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
        match &self.way {
            // An error means that the runner reads no more: the run has ended.
            Way::Stdin(lines) => drop(lines.send(stop)),
            Way::Process {
                program,
                run_dir,
                events,
            } => {
                let events = Weak::clone(events);
                remote_cancel::stop(program, run_dir, stop, move |failed| {
                    // Without a sender the run has ended, and the caller has its result.
                    if let Some(events) = events.upgrade() {
                        send_event(events, failed);
                    }
                });
            }
        }
    }
}
