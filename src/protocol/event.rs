//! Events: one JSON object per line under `--stream` and in `events.ndjson`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RunResult, StopReason, timestamp};

/// One event of a run.
///
/// `seq` counts from 0 without gaps; `result` is always the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event<O = String> {
    /// The tool has been started.
    Started {
        /// Place of the event in its run.
        seq: u64,
        /// When it happened.
        #[serde(with = "timestamp")]
        #[schemars(with = "DateTime<Utc>")]
        at: DateTime<Utc>,
        /// Process id of the tool, which is also the id of its process group.
        pid: i32,
        /// Absolute path of the program.
        tool_path: PathBuf,
        /// The program's name, the command and its arguments, masked.
        argv: Vec<String>,
    },
    /// The tool printed something.
    Output {
        /// Place of the event in its run.
        seq: u64,
        /// When it was read.
        #[serde(with = "timestamp")]
        #[schemars(with = "DateTime<Utc>")]
        at: DateTime<Utc>,
        /// Whole lines, or a partial line after a pause in the output; masked.
        text: String,
    },
    /// The tool is being stopped.
    Stopping {
        /// Place of the event in its run.
        seq: u64,
        /// When it happened.
        #[serde(with = "timestamp")]
        #[schemars(with = "DateTime<Utc>")]
        at: DateTime<Utc>,
        /// Reason for the stop.
        reason: StopReason,
        /// Seconds that remain for the tool before SIGKILL.
        grace_seconds: f64,
    },
    /// A problem that does not end the run.
    Warning {
        /// Place of the event in its run.
        seq: u64,
        /// When it happened.
        #[serde(with = "timestamp")]
        #[schemars(with = "DateTime<Utc>")]
        at: DateTime<Utc>,
        /// One sentence.
        message: String,
    },
    /// The run has ended.
    Result {
        /// Place of the event in its run.
        seq: u64,
        /// When it happened.
        #[serde(with = "timestamp")]
        #[schemars(with = "DateTime<Utc>")]
        at: DateTime<Utc>,
        /// The result document.
        result: Box<RunResult<O>>,
    },
}

impl<O> Event<O> {
    /// Returns the place of the event in its run, from 0.
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Started { seq, .. }
            | Self::Output { seq, .. }
            | Self::Stopping { seq, .. }
            | Self::Warning { seq, .. }
            | Self::Result { seq, .. } => *seq,
        }
    }

    /// Changes the place of the event.
    pub(crate) const fn set_seq(&mut self, place: u64) {
        match self {
            Self::Started { seq, .. }
            | Self::Output { seq, .. }
            | Self::Stopping { seq, .. }
            | Self::Warning { seq, .. }
            | Self::Result { seq, .. } => *seq = place,
        }
    }
}
