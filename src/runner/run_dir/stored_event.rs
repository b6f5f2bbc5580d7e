//! An event in the form of `events.ndjson`: output is a position in `output.log` instead of text.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::output::Captured;
use crate::protocol::{Event, timestamp};

/// An `output` event.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "output")]
pub(in crate::runner) struct OutputPlace {
    pub(in crate::runner) seq: u64,
    #[serde(serialize_with = "timestamp::serialize")]
    pub(in crate::runner) at: DateTime<Utc>,
    /// Offset of its text in `output.log`.
    pub(in crate::runner) offset: u64,
    /// Length of its text in bytes.
    pub(in crate::runner) length: u64,
}

/// A `started` event, with the data that distinguishes the tool from a later process with the same id.
#[derive(Debug, Serialize)]
pub(in crate::runner) struct WithStartTime<'a> {
    #[serde(flatten)]
    pub(in crate::runner) event: &'a Event,
    /// When the tool started, in clock ticks since the system booted.
    pub(in crate::runner) start_time: Option<u64>,
}

/// The output of the result in a `result` event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::runner) struct StoredOutput {
    /// Number of bytes at the start of `output.log` that form its head.
    pub(in crate::runner) head_length: u64,
    /// Offset in `output.log` at which its tail starts; the bytes in between are left out.
    pub(in crate::runner) tail_offset: u64,
    /// Size of `output.log`.
    pub(in crate::runner) length: u64,
}

impl StoredOutput {
    pub(in crate::runner) const fn of(captured: &Captured) -> Self {
        let (head_length, tail_offset) = captured.cut();
        Self {
            head_length,
            tail_offset,
            length: captured.total_bytes(),
        }
    }
}
