//! One line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::session::Phase;

/// One line of a session's log, without its newline; masked, and coloured as the tool coloured it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its place in the log, from 0, without gaps.
    pub offset: u64,
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// What the session was at.
    pub phase: Phase,
    /// The text.
    pub text: String,
}

/// A line as it stands in the file, where its place is its number.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredLine<'a> {
    pub(super) at: DateTime<Utc>,
    pub(super) phase: Phase,
    /// The run that printed it; none if the session said it.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(super) run: Option<std::borrow::Cow<'a, str>>,
    /// Its place among the lines that the run printed, from 0; none in logs from before lines were numbered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<u64>,
    #[serde(borrow)]
    pub(super) text: std::borrow::Cow<'a, str>,
}
