//! An event as the caller gets it.

use serde_json::Value;

use crate::protocol::Event;

/// One event of a run, of a kind that this client knows or of another.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    /// An event of the wire.
    Known(Event),
    /// An event of a later runner, passed on as it came.
    Other {
        /// Its `type`.
        kind: String,
        /// All of it.
        document: Value,
    },
}
