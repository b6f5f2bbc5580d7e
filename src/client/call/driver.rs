//! The task that serves the pipes of one call.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::check_exit::verdict;
use super::invocation::{END_TO_STDERR, Invocation, LAST_WORD_TO_END, Purpose};
use super::reading::{ReadStep, Reading, StdoutParser};
use super::reaper::ReapedChild;
use super::tail::StderrTail;
use crate::client::call::remote_cancel;
use crate::client::call::stop_request::RequestedStop;
use crate::client::{ClientError, ReadFault, RunEvent};
use crate::protocol::RunResult;

/// Most bytes per read.
const PIECE_BYTES: usize = 64 * 1024;

/// Everything that the task owns. If it is dropped early, with its runtime, the pipes close, which the runner
/// treats as a disconnect, and a thread reaps the child.
pub(crate) struct CallTask {
    pub(crate) program: PathBuf,
    pub(crate) invocation: Invocation,
    pub(crate) child: ReapedChild,
    pub(crate) stdin: pipe::Sender,
    pub(crate) stdout: pipe::Receiver,
    pub(crate) stderr: pipe::Receiver,
    pub(crate) requested_stops: watch::Receiver<RequestedStop>,
    pub(crate) events: mpsc::Sender<RunEvent>,
    /// Time from the start of the process to the outer deadline.
    pub(crate) limit: Duration,
}

/// Converts the pipes to tokio's types.
pub(crate) fn pipes(
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
) -> io::Result<(pipe::Sender, pipe::Receiver, pipe::Receiver)> {
    Ok((
        pipe::Sender::from_owned_fd(OwnedFd::from(stdin))?,
        pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))?,
        pipe::Receiver::from_owned_fd(OwnedFd::from(stderr))?,
    ))
}

impl CallTask {
    /// Serves the call to its end.
    pub(crate) async fn drive(self) -> Result<RunResult, ClientError> {
        let Self {
            program,
            invocation,
            child,
            mut stdin,
            stdout,
            mut stderr,
            requested_stops,
            events,
            limit,
        } = self;
        // A limit beyond the clock's range never expires.
        let deadline = Instant::now().checked_add(limit);
        let mut tail = StderrTail::default();
        let reading = tokio::select! {
            // In this order: orders given before the handle was dropped are carried out.
            biased;
            reading = read(stdout, invocation.line_limit, &events) => reading,
            never = keep_tail(&mut stderr, &mut tail) => never,
            never = serve_orders(&program, &invocation, &mut stdin, requested_stops.clone(), &events) => never,
            () = until(deadline) => {
                // A runner that owns a run is left to it, without a reader; any other runner is killed.
                return Err(ClientError::Deadline {
                    waited: limit,
                    run_dir: invocation.run_dir,
                });
            }
            () = abandoned(invocation.purpose, requested_stops.clone()) => {
                // The output of an attached process has no reader: kill and reap it.
                child.kill();
                return Err(ClientError::RuntimeGone);
            }
        };
        // The stream of events ends here; the caller then waits for the verdict.
        drop(events);
        let status = end_of(child).await?;
        // If the time limit expires, the tail is shorter.
        let _ = timeout(END_TO_STDERR, read_to_end(&mut stderr, &mut tail)).await;
        verdict(reading, status, tail.text())
    }
}

/// Reads stdout up to the result, and forwards its events as long as the caller reads them.
async fn read(
    mut stdout: pipe::Receiver,
    line_limit: usize,
    events: &mpsc::Sender<RunEvent>,
) -> Reading {
    let mut reader = StdoutParser::new(line_limit);
    let mut piece = vec![0; PIECE_BYTES];
    let mut is_at_end = false;
    loop {
        let step = match reader.step() {
            None if is_at_end => reader.finish(),
            None => {
                match stdout.read(&mut piece).await {
                    Ok(0) => is_at_end = true,
                    Ok(len) => reader.push(&piece[..len]),
                    Err(fault) => return Err(ReadFault::Io(fault)),
                }
                continue;
            }
            Some(step) => step,
        };
        match step {
            // An error means that the caller reads no more events; the result still counts.
            ReadStep::Event(event) => drop(events.send(event).await),
            ReadStep::End(reading) => return reading,
        }
    }
}

/// Writes the request, then carries out each order; never returns.
async fn serve_orders(
    program: &Path,
    invocation: &Invocation,
    stdin: &mut pipe::Sender,
    mut requested_stops: watch::Receiver<RequestedStop>,
    events: &mpsc::Sender<RunEvent>,
) -> Reading {
    // A runner that does not read its stdin has exited or is about to: its stdout shows which.
    let _ = stdin.write_all(&invocation.stdin).await;
    let mut given = None;
    let mut asked = 0;
    loop {
        let requested_stop = *requested_stops.borrow_and_update();
        let wanted = requested_stop.stop_for(invocation.purpose);
        let is_new = match invocation.purpose {
            Purpose::Run => wanted > given,
            // Another process has to reach the run, and may have failed to. The run counts a repeated stop once.
            Purpose::Attach => requested_stop.asked > asked,
        };
        if let Some(stop) = wanted.filter(|_| is_new) {
            match (invocation.purpose, &invocation.run_dir) {
                (Purpose::Attach, Some(run_dir)) => {
                    let events = events.downgrade();
                    remote_cancel::stop(program, run_dir, stop, move |failed| {
                        // Without a sender the run has ended, and the caller has its result.
                        if let Some(events) = events.upgrade() {
                            send_event(events, failed);
                        }
                    });
                }
                (Purpose::Run | Purpose::Attach, _) => {
                    let _ = stdin.write_all(stop.line().as_bytes()).await;
                }
            }
            given = wanted;
            asked = requested_stop.asked;
        }
        if requested_stops.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Adds an event of this client to the queue, from within the runtime or from a thread.
fn send_event(events: mpsc::Sender<RunEvent>, event: RunEvent) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(async move {
            let _ = events.send(event).await;
        })),
        // An error means that the caller reads no more events.
        Err(_) => drop(events.blocking_send(event)),
    }
}

/// Returns at the deadline; never returns without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Returns when the caller abandons an attached process; a run is always served to its end.
async fn abandoned(purpose: Purpose, mut requested_stops: watch::Receiver<RequestedStop>) {
    if purpose == Purpose::Run
        || requested_stops
            .wait_for(|requested_stop| requested_stop.is_abandoned)
            .await
            .is_err()
    {
        std::future::pending::<()>().await;
    }
}

/// Keeps the end of stderr while the runner writes; never returns.
async fn keep_tail(stderr: &mut pipe::Receiver, tail: &mut StderrTail) -> Reading {
    read_to_end(stderr, tail).await;
    std::future::pending().await
}

async fn read_to_end(stderr: &mut pipe::Receiver, tail: &mut StderrTail) {
    let mut piece = [0; 1024];
    while let Ok(len @ 1..) = stderr.read(&mut piece).await {
        tail.push(&piece[..len]);
    }
}

/// Reaps the runner; returns `None` if it does not exit in time.
async fn end_of(child: ReapedChild) -> Result<Option<ExitStatus>, ClientError> {
    let (tell, told) = oneshot::channel();
    child.reap(move |status| {
        // The receiver is gone if the limit has expired.
        let _ = tell.send(status);
    });
    match timeout(LAST_WORD_TO_END, told).await {
        Ok(Ok(Ok(status))) => Ok(Some(status)),
        Ok(Ok(Err(fault))) => Err(ClientError::Wait(fault)),
        Ok(Err(_)) => Err(ClientError::Wait(io::Error::other(
            "no thread waits for it",
        ))),
        Err(_) => Ok(None),
    }
}
