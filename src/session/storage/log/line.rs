//! One line.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::session::Phase;

/// One line of a session's log, without its newline; masked, with the tool's colours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Position in the log, from 0, without gaps.
    pub offset: u64,
    /// When it was logged.
    pub at: DateTime<Utc>,
    /// Phase of the session at that time.
    pub phase: Phase,
    /// The text.
    pub text: String,
}

/// A line as stored in the file, where its line number is its offset.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredLine<'a> {
    pub(crate) at: DateTime<Utc>,
    pub(crate) phase: Phase,
    /// The run that printed it; `None` if the session itself wrote it.
    #[serde(skip_serializing_if = "Option::is_none", borrow)]
    pub(crate) run: Option<std::borrow::Cow<'a, str>>,
    /// Position among the lines that the run printed, from 0; `None` in logs written before lines were numbered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) n: Option<u64>,
    #[serde(borrow)]
    pub(crate) text: std::borrow::Cow<'a, str>,
}

/// Parses a stored line; one that cannot be read is replaced by a remark.
pub(crate) fn shown(offset: u64, line: &[u8]) -> LogLine {
    match serde_json::from_slice::<StoredLine<'_>>(line) {
        Ok(stored) => LogLine {
            offset,
            at: stored.at,
            phase: stored.phase,
            text: stored.text.into_owned(),
        },
        Err(_) => LogLine {
            offset,
            at: Utc::now(),
            phase: Phase::Completed,
            text: "[this line of the log cannot be read]".to_owned(),
        },
    }
}
