//! Reasons why a call has no trustworthy result.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::protocol::{Outcome, PROTOCOL_VERSION, RunResult};

/// A call that did not get a trustworthy result.
///
/// None of these means that the tool failed; that is a result. After any variant but `NotFound`, `Spawn` and the
/// two about the request, the tool may have run: look at the state, or attach if a run directory exists.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The binary was not found.
    #[error("`iac-runner` was not found, looked in: {}", listed(.looked_in))]
    NotFound {
        /// Every path, in the order tried.
        looked_in: Vec<PathBuf>,
    },
    /// The runner, or a thread or task that serves it in this process, could not be started.
    #[error("`{}` could not be started", .program.display())]
    Spawn {
        /// The binary.
        program: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The request has a number that JSON cannot represent.
    #[error("`{field}` of the request is not a finite number")]
    NotFinite {
        /// Name of the field.
        field: &'static str,
    },
    /// The request cannot be written as JSON: a path in it is not UTF-8.
    #[error("the request cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The runner ended, or printed something, without a result.
    #[error("the runner gave no result ({}){}", status_text(.status), stderr_text(.stderr_tail))]
    Unreadable {
        /// How the runner ended; `None` if it did not exit within ten seconds of its last output.
        status: Option<ExitStatus>,
        /// The end of what the runner wrote to stderr, at most 4 KiB.
        stderr_tail: String,
        /// What was wrong with its stdout.
        source: ReadFault,
    },
    /// The runner uses a later version of the wire format.
    #[error("the runner speaks protocol {found}, this client knows up to {PROTOCOL_VERSION}")]
    ProtocolTooNew {
        /// The version in its result.
        found: u64,
    },
    /// The result and the runner's exit status contradict each other.
    #[error("the result says `{}` and the runner ended otherwise ({})", word(.result.outcome), status_text(.status))]
    Mismatch {
        /// How the runner ended; `None` if it did not exit within ten seconds of its last output.
        status: Option<ExitStatus>,
        /// The document as it was read.
        result: Box<RunResult>,
    },
    /// The runner was still running at the outer deadline.
    #[error("the runner did not end within {} s{}", .waited.as_secs(), attach_text(.run_dir.as_ref()))]
    Deadline {
        /// Timeout, grace and margin together.
        waited: Duration,
        /// Directory through which the run can be attached to.
        run_dir: Option<PathBuf>,
    },
    /// The runner could not be waited for.
    #[error("the runner could not be waited for")]
    Wait(#[source] io::Error),
    /// The tokio runtime that served the run was shut down before the run ended.
    #[error("the runtime that served the run was shut down")]
    RuntimeGone,
}

/// What was wrong with the runner's stdout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadFault {
    /// Stdout was empty.
    #[error("stdout was empty")]
    Empty,
    /// Stdout held events but no result at their end.
    #[error("stdout ended without a result")]
    NoResult,
    /// A line is not a JSON object of the wire format.
    #[error("a line of stdout is no event")]
    NotAnEvent,
    /// A line is longer than the request's output limit allows.
    #[error("a line of stdout is longer than {limit} bytes")]
    LineTooLong {
        /// The limit.
        limit: usize,
    },
    /// The result does not match the wire format.
    #[error("the result is malformed")]
    Malformed(#[source] serde_json::Error),
    /// An event is missing or came twice: the caller has not seen all events of the run in order.
    #[error("event {due} was due on stdout and event {found} came")]
    Misplaced {
        /// The `seq` that was expected at the first such place.
        due: u64,
        /// The `seq` that came.
        found: u64,
        /// The result at the end, as it was read.
        result: Box<RunResult>,
    },
    /// The result has a later version of the wire format.
    #[error("the result is of protocol {found}")]
    TooNew {
        /// The version.
        found: u64,
    },
    /// Stdout could not be read.
    #[error("stdout could not be read")]
    Io(#[source] io::Error),
    /// The runner has exited, and another process keeps its stdout open.
    #[error("stdout was held open after the runner had ended")]
    HeldOpen,
}

fn listed(places: &[PathBuf]) -> String {
    let shown: Vec<_> = places
        .iter()
        .map(|place| format!("`{}`", place.display()))
        .collect();
    shown.join(", ")
}

fn status_text(status: &Option<ExitStatus>) -> String {
    status.map_or_else(|| "it did not end".to_owned(), |status| status.to_string())
}

fn stderr_text(tail: &str) -> String {
    match tail.trim() {
        "" => String::new(),
        tail => format!("; stderr ends with: {tail}"),
    }
}

fn attach_text(run_dir: Option<&PathBuf>) -> String {
    run_dir.map_or_else(String::new, |dir| {
        format!("; the run can be attached to in `{}`", dir.display())
    })
}

const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed_out",
        Outcome::Cancelled => "cancelled",
        Outcome::Killed => "killed",
        Outcome::NotStarted => "not_started",
        Outcome::InvalidRequest => "invalid_request",
        Outcome::Unknown => "unknown",
    }
}
