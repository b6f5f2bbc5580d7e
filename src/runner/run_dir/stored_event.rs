//! An event in the form of `events.ndjson`: output is a position in `output.log` instead of text.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::output::Captured;
use crate::protocol::{Event, timestamp};

/// An `output` event.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "output")]
pub(crate) struct OutputPlace {
    pub(crate) seq: u64,
    #[serde(serialize_with = "timestamp::serialize")]
    pub(crate) at: DateTime<Utc>,
    /// Offset of its text in `output.log`.
    pub(crate) offset: u64,
    /// Length of its text in bytes.
    pub(crate) length: u64,
}

/// A `started` event, with the data that distinguishes the tool from a later process with the same id.
#[derive(Debug, Serialize)]
pub(crate) struct WithStartTime<'a> {
    #[serde(flatten)]
    pub(crate) event: &'a Event,
    /// When the tool started, in clock ticks since the system booted.
    pub(crate) start_time: Option<u64>,
}

/// The output of the result in a `result` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredOutput {
    /// Number of bytes at the start of `output.log` that form its head.
    pub(crate) head_length: u64,
    /// Offset in `output.log` at which its tail starts; the bytes in between are left out.
    pub(crate) tail_offset: u64,
    /// Size of `output.log`.
    pub(crate) length: u64,
}

impl StoredOutput {
    pub(crate) const fn of(captured: &Captured) -> Self {
        let (head_length, tail_offset) = captured.cut();
        Self {
            head_length,
            tail_offset,
            length: captured.total_bytes(),
        }
    }
}
