//! The front: the process that the backend knows.
//!
//! It owns nothing of the run. It hands the request to the supervisor, passes on what it is told, and
//! copies what the supervisor has for stdout. If it dies, nothing is lost.

use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use nix::sys::wait::WaitStatus;
use nix::unistd::Pid;
use tokio::time::Instant;

use super::journal::Mode;
use super::last_words::{self, Progress};
use super::link::{Link, Message};
use super::lost::{self, Known};
use super::reception::Reception;
use super::relay::RelayReader;
use super::wording::of_system;
use crate::process::{
    Input, Output, OwnSignal, OwnSignals, SignalledRequest, terminal_is_gone, terminal_is_open,
    wait_for_child,
};
use crate::protocol::{Control, exit_status};

/// A second signal within this time of the first asks for nothing new: a terminal and a parent may
/// both deliver the same Ctrl-C.
const DOUBLE_DELIVERY: Duration = Duration::from_secs(2);
/// How long the supervisor may take to end once it has said its last; one whose run directory is on a disk
/// that hangs cannot end.
const SUPERVISOR_END: Duration = Duration::from_secs(2);
/// Most bytes copied to stdout at once.
const PIECE_BYTES: usize = 64 * 1024;

/// What the front keeps from the fork.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) socket: UnixStream,
    pub(super) relay: File,
    pub(super) capture: File,
    pub(super) mode: Mode,
    pub(super) supervisor: Pid,
}

/// Serves one request; returns the exit status.
pub(super) async fn serve(kept: Kept) -> io::Result<u8> {
    let relay = Arc::new(kept.relay);
    let progress = Arc::new(Progress::default());
    last_words::print_on_panic(
        kept.mode,
        Arc::clone(&progress),
        Some(RelayReader::new(Arc::clone(&relay))),
    );
    let mut front = Front {
        link: Link::new(kept.socket)?,
        signals: OwnSignals::listen()?,
        stdout: Stdout::new(RelayReader::new(relay), progress)?,
        stop: StopSignals::default(),
        had_terminal: terminal_is_open(),
        known: Known::default(),
    };
    let mut reception = Reception::new(Input::stdin()?);
    front.hand_over(&mut reception).await;
    front.follow(&mut reception).await;
    front.stdout.copy_rest(&mut front.signals).await;
    let supervisor_end = wait_for_child(kept.supervisor, SUPERVISOR_END);
    let status = match front.stdout.relay.exit_status() {
        Some(status) => status,
        None => {
            front.known.may_run = front.stdout.relay.tool_may_run();
            front.known.supervisor_end = supervisor_end.map(shown);
            front.tell_of_loss(kept.capture, kept.mode).await
        }
    };
    Ok(if front.stdout.failed {
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
    stop: StopSignals,
    had_terminal: bool,
    known: Known,
}

impl Front {
    /// Reads the request and gives it to the supervisor.
    async fn hand_over(&mut self, reception: &mut Reception) {
        let message = tokio::select! {
            message = reception.request() => message,
            _ = self.signals.next() => Message::StoppedEarly,
            () = self.link.gone() => return,
        };
        self.stdout.progress.may_run.store(true, Relaxed);
        self.link.post(&message);
        if let Message::Request(document) = message {
            self.known.request = document;
        }
    }

    /// Passes messages on, both ways, until the supervisor is gone.
    async fn follow(&mut self, reception: &mut Reception) {
        loop {
            tokio::select! {
                message = self.link.receive() => match message {
                    None => return,
                    Some(Message::Started(pid)) => self.known.tool_started(pid),
                    Some(Message::Warning(sentence)) => eprintln!("iac-runner: warning: {sentence}"),
                    Some(_) => {}
                },
                control = reception.control() => self.link.post(&match control {
                    Ok(Control::Cancel { force: false }) => Message::Cancel,
                    Ok(Control::Cancel { force: true }) => Message::Force,
                    Err(sentence) => Message::Warning(sentence),
                }),
                signal = self.signals.next() => {
                    if let Some(message) = self.on_signal(signal) {
                        self.link.post(&message);
                    }
                }
                advance = self.stdout.advance() => match advance {
                    Advance::ReaderGone => self.link.post(&Message::ReaderGone),
                    Advance::Copied | Advance::Failed => {}
                },
            }
        }
    }

    fn on_signal(&mut self, signal: OwnSignal) -> Option<Message> {
        match signal {
            OwnSignal::HangUp if terminal_is_gone(self.had_terminal) => Some(Message::ReaderGone),
            OwnSignal::Requested(SignalledRequest::Cancel) => Some(Message::Cancel),
            OwnSignal::Requested(SignalledRequest::Force) => Some(Message::Force),
            OwnSignal::Interrupt | OwnSignal::Terminate | OwnSignal::HangUp => {
                self.stop.signalled(Instant::now())
            }
        }
    }

    /// Says that the supervisor was lost, in its place.
    async fn tell_of_loss(&mut self, capture: File, mode: Mode) -> u8 {
        let lines = self.stdout.progress.lines();
        let (document, outcome) = lost::document(&self.known, capture, mode, lines);
        self.stdout.write_all(&document).await;
        exit_status::of(outcome)
    }
}

/// What SIGINT, SIGTERM and SIGHUP mean, one after the other.
#[derive(Debug, Default)]
struct StopSignals {
    first: Option<Instant>,
}

impl StopSignals {
    fn signalled(&mut self, now: Instant) -> Option<Message> {
        match self.first {
            None => {
                self.first = Some(now);
                Some(Message::Signalled)
            }
            Some(first) if now.duration_since(first) >= DOUBLE_DELIVERY => Some(Message::Force),
            Some(_) => None,
        }
    }
}

/// What came of an attempt to write to stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advance {
    Copied,
    ReaderGone,
    Failed,
}

/// The relay, and how far it has got on stdout.
#[derive(Debug)]
struct Stdout {
    output: Output,
    relay: RelayReader,
    piece: Vec<u8>,
    progress: Arc<Progress>,
    reader_gone: bool,
    /// Whether something could not be written though somebody may be there to read.
    failed: bool,
}

impl Stdout {
    fn new(relay: RelayReader, progress: Arc<Progress>) -> io::Result<Self> {
        Ok(Self {
            output: Output::stdout()?,
            relay,
            piece: Vec::new(),
            progress,
            reader_gone: false,
            failed: false,
        })
    }

    const fn is_writable(&self) -> bool {
        !self.reader_gone && !self.failed
    }

    /// Copies a piece of the relay, as much as stdout takes; never returns while there is nothing to
    /// copy and somebody to read it.
    async fn advance(&mut self) -> Advance {
        if !self.is_writable() {
            return std::future::pending().await;
        }
        let has_piece = self.fill();
        let written = tokio::select! {
            () = self.output.reader_gone() => Err(io::ErrorKind::BrokenPipe.into()),
            written = self.output.write(&self.piece), if has_piece => written,
        };
        self.account(written)
    }

    /// Copies what is left, unless a signal comes: the run is over, and nobody may be reading.
    async fn copy_rest(&mut self, signals: &mut OwnSignals) {
        while self.is_writable() && self.fill() {
            tokio::select! {
                _ = self.advance() => {}
                _ = signals.next() => return,
            }
        }
    }

    async fn write_all(&mut self, document: &[u8]) {
        self.piece = document.to_vec();
        while self.is_writable() && !self.piece.is_empty() {
            self.advance().await;
        }
    }

    /// Makes sure that there is something to write, if anything is there and can be written.
    fn fill(&mut self) -> bool {
        if self.piece.is_empty() {
            self.piece.resize(PIECE_BYTES, 0);
            let len = self.relay.read(&mut self.piece).unwrap_or(0);
            self.piece.truncate(len);
        }
        !self.piece.is_empty()
    }

    fn account(&mut self, written: io::Result<usize>) -> Advance {
        match written {
            Ok(len) => {
                self.progress.wrote(&self.piece[..len]);
                self.piece.drain(..len);
                Advance::Copied
            }
            Err(fault) if is_reader_gone(&fault) => {
                self.reader_gone = true;
                Advance::ReaderGone
            }
            Err(fault) => {
                let why = of_system(&fault);
                eprintln!("iac-runner: stdout cannot be written: {why}; the run goes on");
                self.failed = true;
                Advance::Failed
            }
        }
    }
}

fn is_reader_gone(fault: &io::Error) -> bool {
    // A terminal that hung up fails with EIO.
    fault.kind() == io::ErrorKind::BrokenPipe || fault.raw_os_error() == Some(libc::EIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_signal_is_force_only_two_seconds_after_the_first() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let table = [
            (0, Some(Message::Signalled)),
            (10, None),
            (1999, None),
            (2000, Some(Message::Force)),
            (2001, Some(Message::Force)),
        ];
        let mut signals = StopSignals::default();
        for (ms, message) in table {
            assert_eq!(signals.signalled(at(ms)), message, "at {ms} ms");
        }
    }
}
