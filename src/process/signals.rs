//! Signals to this process, and from it to a supervisor.

use std::io;

use nix::sys::signal::{SigHandler, Signal, kill, signal as set_disposition};
use nix::unistd::Pid;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use super::group::orphans;
use super::identity::ProvenProcess;

/// A signal that asks this process to stop its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnSignal {
    /// SIGINT, as Ctrl-C sends it.
    Interrupt,
    /// SIGTERM, as service managers send it.
    Terminate,
    /// SIGHUP, sent manually or because the terminal hung up.
    HangUp,
    /// A request by [`deliver`].
    Requested(Request),
}

/// A request of another process to a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A graceful stop.
    Cancel,
    /// An immediate end.
    Force,
}

/// The stream of signals that ask this process to stop.
///
/// While it exists, none of them ends the process. Since handlers are installed, the tool starts with the default
/// disposition of each signal, even if this process was started with one ignored, as shells do for SIGINT of
/// background processes.
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
    /// A handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            cancel: signal(SignalKind::user_defined1())?,
            force: signal(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the next signal. Cancel safe: no signal is lost.
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

/// Makes SIGINT, SIGTERM and SIGHUP end this process again, as if it had never listened.
///
/// For the remaining work after the runtime has stopped delivering signals.
pub fn let_stop_signals_end() {
    for stop in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the default disposition installs no code. The call cannot fail with these arguments.
        let _ = unsafe { set_disposition(stop, SigHandler::SigDfl) };
    }
}

/// Continues a stopped supervisor (SIGSTOP): it processes no order before.
///
/// # Errors
/// The supervisor has ended, or belongs to another user.
pub fn resume_supervisor(supervisor: &ProvenProcess) -> io::Result<()> {
    supervisor.signal(Signal::SIGCONT)
}

/// Continues a stopped child of this process that has not been reaped.
pub fn resume_child(child: Pid) {
    // It may have ended: its id is still its own.
    let _ = kill(child, Signal::SIGCONT);
}

/// Asks a supervisor to stop its run.
///
/// # Errors
/// The supervisor has ended, or belongs to another user.
pub fn deliver(supervisor: &ProvenProcess, request: Request) -> io::Result<()> {
    supervisor.signal(match request {
        Request::Cancel => Signal::SIGUSR1,
        Request::Force => Signal::SIGUSR2,
    })?;
    match resume_supervisor(supervisor) {
        // It has obeyed and ended.
        Err(fault) if fault.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        resumed => resumed,
    }
}

/// The stream of SIGCHLD: a child of this process has ended.
#[derive(Debug)]
pub struct ChildSignals(Stream);

impl ChildSignals {
    /// Starts to listen; must be called before the first child is started.
    ///
    /// # Errors
    /// The handler cannot be installed.
    pub fn listen() -> io::Result<Self> {
        Ok(Self(signal(SignalKind::child())?))
    }

    /// Returns after one or more children have ended, and reaps those except `leader`.
    pub async fn next(&mut self, leader: i32) {
        self.0.recv().await;
        orphans::reap_ended(Pid::from_raw(leader));
    }
}
