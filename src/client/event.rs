//! An event as the caller receives it.

use serde_json::Value;

use crate::protocol::Event;

/// One event of a run, of a known or an unknown kind, or a message of this client.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    /// An event of the wire format.
    Known(Event),
    /// A stop requested through an attached handle did not reach the run. This client creates the event; it is not
    /// part of the wire format. The run continues, unless it has ended.
    StopFailed {
        /// Why, in one sentence.
        message: String,
    },
    /// An event of a later runner, passed on unchanged.
    Other {
        /// Its `type`.
        kind: String,
        /// All of it.
        document: Value,
    },
}
