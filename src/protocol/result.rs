//! The result document.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outcome, StopReason, timestamp};

/// Version of the wire format that this crate implements.
pub const PROTOCOL_VERSION: u32 = 1;

/// The result of one run, as written to stdout and to `result.json`.
///
/// `O` is the type of `output`: a `String` for readers of a result, a stream for the supervisor, which writes a
/// result without holding it in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult<O = String> {
    /// Whether the command succeeded. `plan -detailed-exitcode` with exit code 2 is a success.
    pub success: bool,
    /// Stdout and stderr in the order written, masked. Over the limit it holds head and tail, with one line between
    /// that says how much was left out, or only that line if the limit has no room for more.
    pub output: O,
    /// The tool's own exit code; 128 + signal if a signal ended the tool; 1 if it never started.
    pub exit_code: i32,
    /// Empty on success, else one sentence that tells the user what to do.
    pub error_msg: String,
    /// When the tool started, or when the request was accepted if the tool never started.
    #[serde(with = "timestamp")]
    #[schemars(with = "DateTime<Utc>")]
    pub started_at: DateTime<Utc>,
    /// When the tool had ended and no process of the run was left.
    #[serde(with = "timestamp")]
    #[schemars(with = "DateTime<Utc>")]
    pub ended_at: DateTime<Utc>,
    /// How the run ended.
    pub outcome: Outcome,
    /// Why the run was stopped, if it was.
    pub stop_reason: Option<StopReason>,
    /// Name of the signal that ended the tool, such as `SIGKILL`.
    pub signal: Option<String>,
    /// Milliseconds from start to end, measured by the monotonic clock.
    pub duration_ms: u64,
    /// Size of the whole masked output in bytes.
    pub output_bytes: u64,
    /// Whether `output` is truncated.
    pub output_truncated: bool,
    /// Whether capture reached the end of what the tool wrote.
    pub output_complete: bool,
    /// The whole masked output, when a `run_dir` was given and could be written.
    pub output_file: Option<PathBuf>,
    /// What went wrong, if known.
    pub diagnosis: Option<Diagnosis>,
    /// What happened to the state, for commands that write it.
    pub state: Option<StateReport>,
    /// What confined the tool, such as `landlock-7`; null if nothing did.
    #[serde(default)]
    pub sandbox: Option<String>,
    /// Version of the wire format, see [`PROTOCOL_VERSION`].
    pub protocol: u32,
}

impl<O> RunResult<O> {
    /// Returns the same result with another output.
    pub fn with_output<P>(self, output: P) -> RunResult<P> {
        RunResult {
            success: self.success,
            output,
            exit_code: self.exit_code,
            error_msg: self.error_msg,
            started_at: self.started_at,
            ended_at: self.ended_at,
            outcome: self.outcome,
            stop_reason: self.stop_reason,
            signal: self.signal,
            duration_ms: self.duration_ms,
            output_bytes: self.output_bytes,
            output_truncated: self.output_truncated,
            output_complete: self.output_complete,
            output_file: self.output_file,
            diagnosis: self.diagnosis,
            state: self.state,
            sandbox: self.sandbox,
            protocol: self.protocol,
        }
    }
}

/// What went wrong, derived from what the tool printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The kind of fault.
    pub class: DiagnosisClass,
    /// The tool's own message, on one line.
    pub message: String,
    /// Whether the same request may be sent again unchanged; never true for a command that may have changed
    /// something.
    pub retryable: bool,
}

/// Kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisClass {
    /// Another process holds the state lock.
    StateLocked,
    /// The lock could not be released after the run.
    StateLockReleaseFailed,
    /// The state could not be written to its backend.
    StateWriteFailed,
    /// `init` has to run first, or run again.
    BackendInitRequired,
    /// The state backend refused the credentials.
    BackendAuth,
    /// A required variable has no value.
    MissingVariable,
    /// The configuration, or a value given to it, is not valid.
    InvalidConfiguration,
    /// The directory holds no configuration.
    NoConfiguration,
    /// The plan was created for another state.
    StalePlan,
    /// The plan file does not exist.
    PlanMissing,
    /// A provider could not be installed.
    ProviderInstall,
    /// A module could not be downloaded.
    ModuleDownload,
    /// A provider has no valid credentials.
    ProviderAuth,
    /// A provider reported an error.
    ProviderError,
    /// The version of the tool or of a provider does not satisfy the configuration's constraint.
    VersionConstraint,
    /// The command asked for interactive approval or input.
    ApprovalRequired,
    /// The dependency lock file does not match.
    LockfileMismatch,
    /// A disk is full.
    OutOfDisk,
    /// Memory ran out.
    OutOfMemory,
    /// None of the above.
    // A kind that only a later runner knows is read as this.
    #[serde(other)]
    Other,
}

/// What happened to the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateReport {
    /// Whether the state records everything that was done.
    pub safety: StateSafety,
    /// What happened to the lock.
    pub lock: LockStatus,
    /// Id of the lock that is held, if known; `force-unlock` needs it.
    pub lock_id: Option<String>,
    /// File in which the tool left a state that it could not write to its backend.
    pub errored_state_file: Option<PathBuf>,
}

/// Whether the state records what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateSafety {
    /// The state records everything that was done.
    Saved,
    /// The state records finished operations; operations in flight may be missing.
    Partial,
    /// The state is in `errored.tfstate` only and has to be pushed manually.
    ErroredFile,
    /// Unknown.
    // A value that only a later runner knows is read as this.
    #[serde(other)]
    Unknown,
}

/// What happened to the state lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockStatus {
    /// This run does not hold the lock any more.
    Released,
    /// It is still held.
    Held,
    /// Unknown.
    // A value that only a later runner knows is read as this.
    #[serde(other)]
    Unknown,
}
