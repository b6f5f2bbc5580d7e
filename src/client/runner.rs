//! The located binary.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use super::call::driver::{CallTask, pipes};
use super::call::invocation::Invocation;
use super::call::stop_request::RequestedStop;
use super::locate::locate;
use super::{Canceller, ClientError, Run};
use crate::protocol::{Request, RunResult};

/// What the outer deadline adds to timeout and grace: a tool's version check (32 s), a death that the kernel delays
/// (10 s), the settling time after a signal (2 s), and a busy machine.
pub const DEFAULT_MARGIN: Duration = Duration::from_secs(60);

/// Most events queued for the caller.
const EVENTS_AHEAD: usize = 64;

/// The binary `iac-runner`, for callers under tokio; [`blocking::Runner`](super::blocking::Runner) is for others.
///
/// The runner gets this process's environment; the request decides which of it the tool gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    program: PathBuf,
    pub(super) margin: Duration,
}

impl Runner {
    /// Finds the binary: at the path in `IAC_RUNNER_BIN`; else beside the current executable, in `/usr/local/bin`,
    /// as `./runner/iac-runner`, as `./iac-runner`, in `PATH`.
    ///
    /// If `IAC_RUNNER_BIN` is set, no other path is tried.
    ///
    /// # Errors
    /// [`ClientError::NotFound`], with every path that was tried.
    pub fn locate() -> Result<Self, ClientError> {
        locate(None).map(Self::new)
    }

    /// Uses the binary at this path and no other.
    ///
    /// # Errors
    /// [`ClientError::NotFound`], when it does not exist or cannot be executed.
    pub fn at(program: impl AsRef<Path>) -> Result<Self, ClientError> {
        locate(Some(program.as_ref())).map(Self::new)
    }

    const fn new(program: PathBuf) -> Self {
        Self {
            program,
            margin: DEFAULT_MARGIN,
        }
    }

    /// Sets the margin of the outer deadline, in place of [`DEFAULT_MARGIN`].
    #[must_use]
    pub const fn with_margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    /// Returns the absolute path of the binary.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Runs one request and waits for its result, at most timeout + grace + margin.
    ///
    /// Dropping the future cancels the run gracefully.
    ///
    /// # Errors
    /// [`ClientError`], when no trustworthy result exists. A failed tool is a result.
    pub async fn run(&self, request: &Request) -> Result<RunResult, ClientError> {
        self.spawn(request)?.wait().await
    }

    /// Starts one request.
    ///
    /// ```no_run
    /// # use iac_runner::client::{ClientError, Runner, RunEvent};
    /// # use iac_runner::protocol::{Event, Request};
    /// # async fn example(runner: Runner, request: Request) -> Result<(), ClientError> {
    /// let mut run = runner.spawn(&request)?;
    /// while let Some(event) = run.next_event().await {
    ///     if let RunEvent::Known(Event::Output { text, .. }) = event {
    ///         print!("{text}");
    ///     }
    /// }
    /// let result = run.wait().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Spawn`], also when this is not called under tokio; [`ClientError::Encode`] and
    /// [`ClientError::NotFinite`] for a request that JSON cannot represent.
    ///
    /// # Panics
    /// When tokio's runtime was built without its I/O or time driver.
    pub fn spawn(&self, request: &Request) -> Result<Run, ClientError> {
        self.start(Invocation::run(request)?)
    }

    /// Follows a run from its first event, during the run or after it.
    ///
    /// The outer deadline starts now and uses the timeout and grace that the run directory records; without a
    /// record of them, the run is followed for as long as any run may last. A directory without a run gives a
    /// result with the outcome `invalid_request`. Cancelling uses `iac-runner cancel`; dropping the handle leaves
    /// the run alone.
    ///
    /// # Errors
    /// [`ClientError::Spawn`], also when this is not called under tokio.
    ///
    /// # Panics
    /// When tokio's runtime was built without its I/O or time driver.
    pub fn attach(&self, run_dir: impl AsRef<Path>) -> Result<Run, ClientError> {
        self.start(Invocation::attach(run_dir.as_ref()))
    }

    fn start(&self, invocation: Invocation) -> Result<Run, ClientError> {
        let failed = |source| ClientError::Spawn {
            program: self.program.clone(),
            source,
        };
        let limit = invocation.longest.saturating_add(self.margin);
        let runtime = Handle::try_current().map_err(|fault| failed(io::Error::other(fault)))?;
        let started = invocation.start(&self.program)?;
        let (stdin, stdout, stderr) =
            pipes(started.stdin, started.stdout, started.stderr).map_err(failed)?;
        let (requested_stops, ordered) = watch::channel(RequestedStop::default());
        let (event_sender, events) = mpsc::channel(EVENTS_AHEAD);
        let (tell, verdict) = oneshot::channel();
        let driver = CallTask {
            program: self.program.clone(),
            invocation,
            child: started.child,
            stdin,
            stdout,
            stderr,
            requested_stops: ordered,
            events: event_sender,
            limit,
        };
        runtime.spawn(async move {
            // The receiver is gone if the handle was dropped.
            let _ = tell.send(driver.drive().await);
        });
        Ok(Run::new(
            events,
            verdict,
            Canceller::new(requested_stops),
            started.pid,
        ))
    }
}
