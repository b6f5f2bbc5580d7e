//! A line of a log.

use chrono::{DateTime, Utc};
use iac_runner::session::{LogLine, Phase};

/// A line of a deployment's log: masked, and without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLine {
    /// Number in the log, from 0.
    pub line: u64,
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// Phase of the session.
    pub phase: Phase,
    /// The text.
    pub text: String,
}

impl From<LogLine> for StoredLine {
    fn from(line: LogLine) -> Self {
        Self {
            line: line.offset,
            at: line.at,
            phase: line.phase,
            text: line.text,
        }
    }
}
