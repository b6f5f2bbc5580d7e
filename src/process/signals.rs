//! Signals to this process, and from it to a supervisor.

use std::io;

use nix::sys::signal::{SigHandler, Signal, kill, signal as set_disposition};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::identity::ProvenProcess;
use super::orphans;

/// A signal that asks this process to stop what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnSignal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as service managers send it.
    Terminate,
    /// SIGHUP, sent by hand or because the terminal hung up.
    HangUp,
    /// A request by [`deliver`].
    Requested(Request),
}

/// What another process asks a supervisor for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A graceful stop.
    Cancel,
    /// The end, at once.
    Force,
}

/// The stream of the signals that ask this process to stop.
///
/// While it exists none of them ends the process. A handler also means that the tool starts with the
/// default disposition of each, even when this process was started with one ignored, as a shell does
/// for SIGINT with what it starts in the background.
#[derive(Debug)]
pub struct OwnSignals {
    interrupt: Stream,
    terminate: Stream,
    hang_up: Stream,
    cancel: Stream,
    force: Stream,
}

impl OwnSignals {
    /// Starts to listen.
    ///
    /// # Errors
    /// When a handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            cancel: signal(SignalKind::user_defined1())?,
            force: signal(SignalKind::user_defined2())?,
        })
    }

    /// The next signal. May be dropped and called again without losing one.
    pub async fn next(&mut self) -> OwnSignal {
        tokio::select! {
            _ = self.interrupt.recv() => OwnSignal::Interrupt,
            _ = self.terminate.recv() => OwnSignal::Terminate,
            _ = self.hang_up.recv() => OwnSignal::HangUp,
            _ = self.cancel.recv() => OwnSignal::Requested(Request::Cancel),
            _ = self.force.recv() => OwnSignal::Requested(Request::Force),
        }
    }
}

/// From here on SIGINT, SIGTERM and SIGHUP end this process, as if it had never listened.
///
/// For what is left to do where no runtime hands signals out any more.
pub fn let_stop_signals_end() {
    for stop in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the default disposition installs no code. The call cannot fail with these arguments.
        let _ = unsafe { set_disposition(stop, SigHandler::SigDfl) };
    }
}

/// Lets a supervisor go on that was stopped (SIGSTOP): it takes no order before.
///
/// # Errors
/// When it has ended, or belongs to another user.
pub fn resume_supervisor(supervisor: &ProvenProcess) -> io::Result<()> {
    supervisor.signal(Signal::SIGCONT)
}

/// The same for a child of this process that has not been reaped.
pub fn resume_child(child: Pid) {
    // It may have ended: then its id is still its own.
    let _ = kill(child, Signal::SIGCONT);
}

/// Asks a supervisor to stop its run.
///
/// # Errors
/// When it has ended, or belongs to another user.
pub fn deliver(supervisor: &ProvenProcess, request: Request) -> io::Result<()> {
    supervisor.signal(match request {
        Request::Cancel => Signal::SIGUSR1,
        Request::Force => Signal::SIGUSR2,
    })?;
    resume_supervisor(supervisor)
}

/// The stream of SIGCHLD: some child of ours has ended.
#[derive(Debug)]
pub struct ChildSignals(Stream);

impl ChildSignals {
    /// Starts to listen; must come before the first child is started.
    ///
    /// # Errors
    /// When the handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::child())?))
    }

    /// Returns after one or more children have ended, and reaps those that are not `leader`.
    pub async fn next(&mut self, leader: i32) {
        self.0.recv().await;
        orphans::reap_ended(Pid::from_raw(leader));
    }
}
