//! The result document.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outcome, StopReason, timestamp};

/// Version of the wire that this crate speaks.
pub const PROTOCOL_VERSION: u32 = 1;

/// The result of one run, as it stands on stdout and in `result.json`.
///
/// `O` is the type of `output`: a `String` for whoever reads a result, a stream for the supervisor
/// that writes one without holding it in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult<O = String> {
    /// Whether the tool did what was asked. `plan -detailed-exitcode` ending in 2 is a success.
    pub success: bool,
    /// Stdout and stderr in the order written, masked; over the limit its head and tail, with one line between
    /// that tells how much was left out, or that line alone where the limit has no room for more.
    pub output: O,
    /// The tool's own exit code; 128 + signal if a signal ended it; 1 if it never started.
    pub exit_code: i32,
    /// Empty on success, else one sentence that a person can act on.
    pub error_msg: String,
    /// When the tool was started, or the request taken up if it never was.
    #[serde(with = "timestamp")]
    #[schemars(with = "DateTime<Utc>")]
    pub started_at: DateTime<Utc>,
    /// When the tool had ended and nothing of the run was left.
    #[serde(with = "timestamp")]
    #[schemars(with = "DateTime<Utc>")]
    pub ended_at: DateTime<Utc>,
    /// How the run ended.
    pub outcome: Outcome,
    /// Why the run was stopped, if it was.
    pub stop_reason: Option<StopReason>,
    /// Name of the signal that ended the tool, such as `SIGKILL`.
    pub signal: Option<String>,
    /// Milliseconds from start to end, by the monotonic clock.
    pub duration_ms: u64,
    /// Size of the whole masked output in bytes.
    pub output_bytes: u64,
    /// Whether `output` is cut.
    pub output_truncated: bool,
    /// Whether capture reached the end of what the tool wrote.
    pub output_complete: bool,
    /// The whole masked output, when a `run_dir` was given and could be written.
    pub output_file: Option<PathBuf>,
    /// What went wrong, when it is known.
    pub diagnosis: Option<Diagnosis>,
    /// What became of the state, for commands that write it.
    pub state: Option<StateReport>,
    /// What the tool was confined by, such as `landlock-7`; null if by nothing.
    #[serde(default)]
    pub sandbox: Option<String>,
    /// Version of the wire, see [`PROTOCOL_VERSION`].
    pub protocol: u32,
}

impl<O> RunResult<O> {
    /// The same result with another output.
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

/// What went wrong, from what the tool printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnosis {
    /// The kind of fault.
    pub class: DiagnosisClass,
    /// The tool's own words for it, in one line.
    pub message: String,
    /// Whether the same request may be sent again as it is; never true for a command that may have
    /// changed something.
    pub retryable: bool,
}

/// Kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisClass {
    /// Somebody else holds the state lock.
    StateLocked,
    /// The lock could not be released after the run.
    StateLockReleaseFailed,
    /// The state could not be written where it belongs.
    StateWriteFailed,
    /// `init` has to run first, or again.
    BackendInitRequired,
    /// The state backend refused the credentials.
    BackendAuth,
    /// A required variable has no value.
    MissingVariable,
    /// The configuration, or a value given to it, is not valid.
    InvalidConfiguration,
    /// The directory holds no configuration.
    NoConfiguration,
    /// The plan was made for another state.
    StalePlan,
    /// The plan file is not there.
    PlanMissing,
    /// A provider could not be installed.
    ProviderInstall,
    /// A module could not be downloaded.
    ModuleDownload,
    /// A provider has no valid credentials.
    ProviderAuth,
    /// A provider reported a fault.
    ProviderError,
    /// The tool's version, or a provider's, is outside what the configuration allows.
    VersionConstraint,
    /// The command wanted an answer from a person.
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

/// What became of the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StateReport {
    /// Whether everything that was done is recorded.
    pub safety: StateSafety,
    /// What became of the lock.
    pub lock: LockStatus,
    /// Id of the lock that is held, when it is known; `force-unlock` wants it.
    pub lock_id: Option<String>,
    /// Where the tool left a state that it could not write to its backend.
    pub errored_state_file: Option<PathBuf>,
}

/// Whether what was done is recorded in the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateSafety {
    /// Everything that was done is in the state.
    Saved,
    /// What had finished is in the state; what was in flight may be missing.
    Partial,
    /// The state is in `errored.tfstate` only and has to be pushed by hand.
    ErroredFile,
    /// Not known.
    // A word that only a later runner knows is read as this.
    #[serde(other)]
    Unknown,
}

/// What became of the state lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LockStatus {
    /// Nobody holds it for this run any more.
    Released,
    /// It is still held.
    Held,
    /// Not known.
    // A word that only a later runner knows is read as this.
    #[serde(other)]
    Unknown,
}
