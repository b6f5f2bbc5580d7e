//! Names for how a run ended and why it was stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The command succeeded.
    Succeeded,
    /// The tool exited by itself, or by a signal that the runner did not send, and the command did not succeed.
    Failed,
    /// The timeout expired; the tool was stopped gracefully and exited in time.
    TimedOut,
    /// A cancel or a disconnect stopped the tool gracefully, and the tool exited in time.
    Cancelled,
    /// The grace period expired, or the caller asked for force: the tool was ended with SIGKILL.
    Killed,
    /// The request was valid, but the tool could not be started.
    NotStarted,
    /// The request was rejected; nothing ran.
    InvalidRequest,
    /// The supervisor of the run was lost, so how the tool ended is unknown.
    // A value that only a later runner knows is read as this.
    #[serde(other)]
    Unknown,
}

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The request's `timeout` expired.
    Timeout,
    /// A control line, `iac-runner cancel`, or a signal to the runner.
    Cancel,
    /// The front process died, its terminal hung up, or its stdout has no reader any more.
    Disconnect,
    /// A reason that a later runner defines; this runner never writes it.
    #[serde(other)]
    #[schemars(skip)]
    Other,
}

impl StopReason {
    /// Returns the outcome of a tool that exited within the grace period after this stop.
    pub const fn graceful_outcome(self) -> Outcome {
        match self {
            Self::Timeout => Outcome::TimedOut,
            Self::Cancel | Self::Disconnect | Self::Other => Outcome::Cancelled,
        }
    }

    /// Returns the word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Cancel => "cancel",
            Self::Disconnect => "disconnect",
            Self::Other => "other",
        }
    }
}

/// What happens to the tool when the front process dies or its stdout has no reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// The tool is stopped gracefully.
    #[default]
    Interrupt,
    /// The tool runs to its end; with a `run_dir` the result can be read from there.
    Finish,
}
