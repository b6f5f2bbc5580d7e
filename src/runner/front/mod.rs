//! The front: the process that the backend knows.
//!
//! It owns nothing of the run. It passes the request to the supervisor, forwards orders, and copies what the
//! supervisor provides for stdout. If it dies, nothing is lost.

pub(super) mod control_lines;
pub(super) mod copy_output;
pub(super) mod panic_hook;
pub(super) mod stdin;
pub(super) mod stop_signals;

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use tokio::time::Instant;

use self::copy_output::{Advance, Stdout};
use self::panic_hook::FrontProgress;
use self::stdin::Reception;
use self::stop_signals::{Meaning, StopSignals};
use super::link::relay::RelayReader;
use super::link::{Link, Message};
use super::messages::diagnostics::Diagnostics;
use super::messages::mode::Mode;
use super::messages::wording::of_system;
use super::result::lost_supervisor;
use super::result::lost_supervisor::LastKnown;
use crate::process::{
    Input, OwnSignal, OwnSignals, SignalledRequest, resume_child, terminal_is_gone,
    terminal_is_open, wait_for_child,
};
use crate::protocol::{Control, exit_status};

/// How long a supervisor may take to exit after its last message: it can't if its run directory is on a hung disk.
const SUPERVISOR_END: Duration = Duration::from_secs(2);
/// How long to wait until the last diagnostics are read.
const LAST_DIAGNOSTICS: Duration = Duration::from_millis(500);
const HINT: &str = "waiting for a request, one JSON object, for example: \
                    {\"tool\":\"terraform\",\"work_dir\":\"/tmp\",\"command\":\"version\"}";

/// What the front keeps from the fork.
#[derive(Debug)]
pub(super) struct FrontArgs {
    pub(super) socket: UnixStream,
    pub(super) relay: File,
    pub(super) capture: File,
    pub(super) mode: Mode,
    pub(super) supervisor: Pid,
}

/// Serves one request; returns the exit status.
pub(super) async fn serve(kept: FrontArgs) -> io::Result<u8> {
    let relay = Arc::new(kept.relay);
    let progress = Arc::new(FrontProgress::default());
    panic_hook::print_on_panic(
        kept.mode,
        Arc::clone(&progress),
        Some(RelayReader::new(Arc::clone(&relay))),
    );
    let mut front = Front {
        link: Link::new(kept.socket)?,
        signals: OwnSignals::listen()?,
        stdout: Stdout::new(RelayReader::new(relay), progress)?,
        diagnostics: Diagnostics::stderr(),
        stop: StopSignals::default(),
        asked: Vec::new(),
        had_terminal: terminal_is_open(),
        known: LastKnown::default(),
        supervisor: Some(kept.supervisor),
    };
    let mut reception = Reception::new(Input::stdin()?);
    front.hand_over(&mut reception).await;
    front.follow(&mut reception).await;
    front.copy_rest().await;
    front.supervisor = None;
    let supervisor_end = wait_for_child(kept.supervisor, SUPERVISOR_END);
    let status = match front.stdout.relay.exit_status() {
        Some(status) => status,
        None => {
            front.known.may_run = front.stdout.relay.tool_may_run();
            front.known.supervisor_end = supervisor_end.map(shown);
            front.report_loss(kept.capture, kept.mode).await
        }
    };
    front.report_ignored_input(&reception).await;
    Ok(if front.stdout.is_cut() {
        exit_status::INTERNAL_FAULT
    } else {
        status
    })
}

fn shown(end: WaitStatus) -> String {
    match end {
        WaitStatus::Signaled(_, signal, _) => format!("was ended by {}", signal.as_str()),
        WaitStatus::Exited(_, code) => format!("ended with exit code {code}"),
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => "is gone".to_owned(),
    }
}

#[derive(Debug)]
struct Front {
    link: Link,
    signals: OwnSignals,
    stdout: Stdout,
    diagnostics: Diagnostics,
    stop: StopSignals,
    /// What the supervisor has already been asked for.
    asked: Vec<Message>,
    had_terminal: bool,
    known: LastKnown,
    /// `None` once it may be reaped.
    supervisor: Option<Pid>,
}

impl Front {
    /// Reads the request and passes it to the supervisor.
    async fn hand_over(&mut self, reception: &mut Reception) {
        let message = tokio::select! {
            message = reception.request(|| self.diagnostics.write(HINT)) => message,
            _ = self.signals.next() => {
                self.stop.signalled(Instant::now());
                Message::StoppedEarly
            }
            () = self.link.gone() => return,
        };
        self.stdout.progress.may_run.store(true, Relaxed);
        if let Message::Request(document) = &message {
            self.known.request.clone_from(document);
        } else {
            reception.close();
        }
        let is_stop = message == Message::StoppedEarly;
        self.link.post(message);
        if is_stop {
            self.resume_supervisor();
        }
    }

    /// Forwards messages in both directions until the supervisor is gone.
    async fn follow(&mut self, reception: &mut Reception) {
        loop {
            tokio::select! {
                message = self.link.receive() => match message {
                    None => return,
                    Some(Message::Started(pid)) => self.known.tool_started(pid),
                    Some(Message::Warning(sentence)) => self.warn(&sentence),
                    Some(_) => {}
                },
                control = reception.control() => match control {
                    Ok(Control::Cancel { force: false }) => self.send(Message::Cancel),
                    Ok(Control::Cancel { force: true }) => self.send(Message::Force),
                    Err(sentence) => self.link.post(Message::Warning(sentence)),
                },
                signal = self.signals.next() => self.on_signal(signal),
                advance = self.stdout.advance() => self.on_advance(advance),
                () = self.diagnostics.advance() => {}
            }
        }
    }

    /// Copies the rest: the run has ended. A first signal does not stop that, since it may have been meant for the
    /// run; a second one does.
    async fn copy_rest(&mut self) {
        while self.stdout.has_more() {
            tokio::select! {
                signal = self.signals.next() => self.on_late_signal(signal),
                advance = self.stdout.advance() => self.on_advance(advance),
                () = self.diagnostics.advance() => {}
            }
        }
    }

    /// Asks the supervisor for something, once: repeating a request has no effect.
    fn send(&mut self, message: Message) {
        if !self.asked.contains(&message) {
            self.asked.push(message.clone());
            self.link.post(message);
        }
        self.resume_supervisor();
    }

    /// Continues a stopped supervisor (SIGSTOP), which receives nothing otherwise.
    fn resume_supervisor(&self) {
        if let Some(supervisor) = self.supervisor {
            resume_child(supervisor);
        }
    }

    fn on_signal(&mut self, signal: OwnSignal) {
        match signal {
            OwnSignal::HangUp if terminal_is_gone(self.had_terminal) => {
                self.send(Message::ReaderGone);
            }
            OwnSignal::Requested(SignalledRequest::Cancel) => self.send(Message::Cancel),
            OwnSignal::Requested(SignalledRequest::Force) => self.send(Message::Force),
            OwnSignal::Interrupt | OwnSignal::Terminate | OwnSignal::HangUp => {
                match self.stop.signalled(Instant::now()) {
                    Meaning::First | Meaning::Again => self.send(Message::Signalled),
                    Meaning::Second => self.send(Message::Force),
                }
            }
        }
    }

    fn on_late_signal(&mut self, signal: OwnSignal) {
        match signal {
            OwnSignal::Requested(_) => {}
            OwnSignal::Interrupt | OwnSignal::Terminate | OwnSignal::HangUp => {
                if self.stop.signalled(Instant::now()) == Meaning::Second {
                    self.stdout.give_up();
                    self.diagnostics.write(
                        "a second signal came before stdout had taken the whole answer, which is cut; \
                         `iac-runner attach` prints it whole if the request had a `run_dir`",
                    );
                }
            }
        }
    }

    fn on_advance(&mut self, advance: Advance) {
        match advance {
            Advance::Copied => {}
            Advance::ReaderGone => self.send(Message::ReaderGone),
            Advance::Failed(fault) => self.diagnostics.write(&format!(
                "stdout cannot be written: {}; the run continues",
                of_system(&fault)
            )),
        }
    }

    fn warn(&mut self, sentence: &str) {
        self.diagnostics.write(&format!("warning: {sentence}"));
    }

    /// Reports in the supervisor's place that it was lost.
    async fn report_loss(&mut self, capture: File, mode: Mode) -> u8 {
        let lines = self.stdout.progress.lines();
        let (document, outcome) = lost_supervisor::document(&self.known, capture, mode, lines);
        self.stdout.append(&document);
        self.copy_rest().await;
        exit_status::of(outcome)
    }

    async fn report_ignored_input(&mut self, reception: &Reception) {
        match reception.unreported() {
            0 => {}
            unreported => self.warn(&format!("{unreported} more control lines were ignored")),
        }
        self.diagnostics.flush(LAST_DIAGNOSTICS).await;
    }
}
