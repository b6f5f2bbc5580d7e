//! An event as the caller gets it.

use serde_json::Value;

use crate::protocol::Event;

/// One event of a run, of a kind that this client knows or of another, or a word of this client's own.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    /// An event of the wire.
    Known(Event),
    /// A stop that was asked for through an attached handle did not reach the run: of this client, not of
    /// the wire. The run goes on, unless it is over.
    StopFailed {
        /// Why, in one sentence.
        message: String,
    },
    /// An event of a later runner, passed on as it came.
    Other {
        /// Its `type`.
        kind: String,
        /// All of it.
        document: Value,
    },
}
