//! An event as `events.ndjson` has it: output is a place in `output.log` instead of a text.

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
    /// Where its text begins in `output.log`.
    pub(in crate::runner) offset: u64,
    /// Bytes of its text.
    pub(in crate::runner) length: u64,
}

/// A `started` event, with what tells the tool from a later process of the same id.
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
    /// It starts with the first so many bytes of `output.log`.
    pub(in crate::runner) head_length: u64,
    /// It ends with what is there from this byte on; what lies between is left out.
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
