//! Threads that serve the pipes of one call. Each ends with the runner.

use std::io::{self, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Weak};
use std::thread;

use secrecy::zeroize::Zeroizing;

use crate::client::call::reading::{ReadStep, Reading, StdoutParser};
use crate::client::call::stop_request::StopLevel;
use crate::client::call::tail::StderrTail;
use crate::client::{ReadFault, RunEvent};

/// Most bytes per read.
const PIECE_BYTES: usize = 64 * 1024;
/// Most events queued for the caller.
const EVENTS_AHEAD: usize = 64;

/// Channels on which the threads report.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) events: Receiver<RunEvent>,
    /// Accepts this client's own events, as long as stdout is read.
    pub(super) own_events: Weak<SyncSender<RunEvent>>,
    pub(super) reading: Receiver<Reading>,
    pub(super) stderr_tail: Receiver<String>,
}

/// Starts the thread that writes the request, then one control line per stop.
///
/// A separate thread, because a runner that does not read would block the caller.
pub(super) fn write(
    mut stdin: ChildStdin,
    request: Zeroizing<Vec<u8>>,
) -> io::Result<mpsc::Sender<StopLevel>> {
    let (stops, to_write) = mpsc::channel::<StopLevel>();
    spawn("iac-runner-stdin", move || {
        // A runner that does not read its stdin has exited or is about to: its stdout shows which.
        let _ = stdin.write_all(&request);
        drop(request);
        for stop in to_write {
            let _ = stdin.write_all(stop.line().as_bytes());
        }
    })?;
    Ok(stops)
}

/// Starts the threads that read stdout and stderr.
pub(super) fn read(
    stdout: ChildStdout,
    stderr: ChildStderr,
    line_limit: usize,
) -> io::Result<Served> {
    let (event_sender, events) = mpsc::sync_channel(EVENTS_AHEAD);
    let event_sender = Arc::new(event_sender);
    let own_events = Arc::downgrade(&event_sender);
    let (tell_reading, reading) = mpsc::sync_channel(1);
    let (tell_tail, stderr_tail) = mpsc::sync_channel(1);
    spawn("iac-runner-stdout", move || {
        // The receiver is gone if the handle was dropped.
        let _ = tell_reading.send(read_stdout(stdout, line_limit, &event_sender));
    })?;
    spawn("iac-runner-stderr", move || {
        let _ = tell_tail.send(read_tail(stderr));
    })?;
    Ok(Served {
        events,
        own_events,
        reading,
        stderr_tail,
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(())
}

fn read_stdout(
    mut stdout: ChildStdout,
    line_limit: usize,
    events: &SyncSender<RunEvent>,
) -> Reading {
    let mut reader = StdoutParser::new(line_limit);
    let mut piece = vec![0; PIECE_BYTES];
    let mut is_at_end = false;
    loop {
        let step = match reader.step() {
            None if is_at_end => reader.finish(),
            None => {
                match stdout.read(&mut piece) {
                    Ok(0) => is_at_end = true,
                    Ok(len) => reader.push(&piece[..len]),
                    Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                    Err(fault) => return Err(ReadFault::Io(fault)),
                }
                continue;
            }
            Some(step) => step,
        };
        match step {
            // An error means that the caller reads no more events; the result still counts.
            ReadStep::Event(event) => drop(events.send(event)),
            ReadStep::End(reading) => return reading,
        }
    }
}

fn read_tail(mut stderr: ChildStderr) -> String {
    let mut tail = StderrTail::default();
    let mut piece = [0; 1024];
    loop {
        match stderr.read(&mut piece) {
            Ok(len @ 1..) => tail.push(&piece[..len]),
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return tail.text(),
        }
    }
}
