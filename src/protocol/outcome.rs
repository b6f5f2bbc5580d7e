//! The words for how a run ended and why it was stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tool did what was asked.
    Succeeded,
    /// The tool ended by itself, or by a signal that was not ours, without doing what was asked.
    Failed,
    /// The timeout ran out; the tool was stopped gracefully and ended in time.
    TimedOut,
    /// A cancel or a disconnect stopped the tool gracefully and it ended in time.
    Cancelled,
    /// The grace ran out, or force was asked for: the tool was ended with SIGKILL.
    Killed,
    /// The request was good and the tool could not be started.
    NotStarted,
    /// The request was refused; nothing ran.
    InvalidRequest,
    /// The supervisor of the run was lost, and with it the knowledge of how the tool ended.
    // A word that only a later runner knows is read as this.
    #[serde(other)]
    Unknown,
}

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The request's `timeout` ran out.
    Timeout,
    /// A control line, `iac-runner cancel`, or a signal to the runner.
    Cancel,
    /// The front process died, its terminal hung up, or nobody read its stdout any more.
    Disconnect,
    /// A reason of a later runner; this one gives none but those above.
    #[serde(other)]
    #[schemars(skip)]
    Other,
}

impl StopReason {
    /// The outcome of a tool that ended within the grace after this stop.
    pub const fn graceful_outcome(self) -> Outcome {
        match self {
            Self::Timeout => Outcome::TimedOut,
            Self::Cancel | Self::Disconnect | Self::Other => Outcome::Cancelled,
        }
    }

    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Cancel => "cancel",
            Self::Disconnect => "disconnect",
            Self::Other => "other",
        }
    }
}

/// What becomes of the tool when the front process dies or nobody reads its stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisconnect {
    /// The tool is stopped gracefully.
    #[default]
    Interrupt,
    /// The tool runs to its end; with a `run_dir` the result can be picked up there.
    Finish,
}
