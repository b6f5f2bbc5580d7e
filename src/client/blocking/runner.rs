//! The located binary, for callers without tokio.

use std::path::Path;
use std::time::{Duration, Instant};

use super::canceller::Way;
use super::{Canceller, Run, pipes};
use crate::client::call::invocation::{Invocation, Purpose};
use crate::client::{self, ClientError};
use crate::protocol::{Request, RunResult};

/// The binary `iac-runner`, for callers without tokio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runner {
    binary: client::Runner,
}

impl Runner {
    /// Finds the binary, as [`client::Runner::locate`] does.
    ///
    /// # Errors
    /// [`ClientError::NotFound`], with every path that was tried.
    pub fn locate() -> Result<Self, ClientError> {
        client::Runner::locate().map(Self::from)
    }

    /// Uses the binary at this path and no other.
    ///
    /// # Errors
    /// [`ClientError::NotFound`], when it does not exist or cannot be executed.
    pub fn at(program: impl AsRef<Path>) -> Result<Self, ClientError> {
        client::Runner::at(program).map(Self::from)
    }

    /// Sets the margin of the outer deadline, in place of [`client::DEFAULT_MARGIN`].
    #[must_use]
    pub const fn with_margin(mut self, margin: Duration) -> Self {
        self.binary.margin = margin;
        self
    }

    /// Returns the absolute path of the binary.
    pub fn program(&self) -> &Path {
        self.binary.program()
    }

    /// Runs one request and waits for its result, at most timeout + grace + margin.
    ///
    /// # Errors
    /// [`ClientError`], when no trustworthy result exists. A failed tool is a result.
    pub fn run(&self, request: &Request) -> Result<RunResult, ClientError> {
        self.spawn(request)?.wait()
    }

    /// Starts one request.
    ///
    /// # Errors
    /// [`ClientError::Spawn`]; [`ClientError::Encode`] and [`ClientError::NotFinite`] for a request that JSON
    /// cannot represent.
    pub fn spawn(&self, request: &Request) -> Result<Run, ClientError> {
        self.start(Invocation::run(request)?)
    }

    /// Follows a run from its first event, during the run or after it.
    ///
    /// The outer deadline starts now and uses the timeout and grace that the run directory records. A directory
    /// without a run gives a result with the outcome `invalid_request`. Cancelling uses `iac-runner cancel`;
    /// dropping the handle leaves the run alone.
    ///
    /// # Errors
    /// [`ClientError::Spawn`].
    pub fn attach(&self, run_dir: impl AsRef<Path>) -> Result<Run, ClientError> {
        self.start(Invocation::attach(run_dir.as_ref()))
    }

    fn start(&self, invocation: Invocation) -> Result<Run, ClientError> {
        let began = Instant::now();
        let failed = |source| ClientError::Spawn {
            program: self.program().to_owned(),
            source,
        };
        let started = invocation.start(self.program())?;
        // Before the request is sent: no run may start without a reader.
        let served =
            pipes::read(started.stdout, started.stderr, invocation.line_limit).map_err(failed)?;
        let stops = pipes::write(started.stdin, invocation.stdin).map_err(failed)?;
        let way = match (invocation.purpose, &invocation.run_dir) {
            (Purpose::Attach, Some(run_dir)) => Way::Process {
                program: self.program().to_owned(),
                run_dir: run_dir.clone(),
                events: served.own_events,
            },
            (Purpose::Run | Purpose::Attach, _) => Way::Stdin(stops),
        };
        Ok(Run {
            child: Some(started.child),
            purpose: invocation.purpose,
            pid: started.pid,
            events: Some(served.events),
            reading: served.reading,
            stderr_tail: served.stderr_tail,
            canceller: Canceller::new(way),
            began,
            limit: invocation.longest.saturating_add(self.binary.margin),
            run_dir: invocation.run_dir,
        })
    }
}

impl From<client::Runner> for Runner {
    fn from(binary: client::Runner) -> Self {
        Self { binary }
    }
}
