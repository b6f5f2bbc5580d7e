//! JSON Schema (draft 2020-12) of the three documents.

use schemars::{Schema, schema_for};
use serde_json::Value;

use super::{Event, Request, RunResult};

/// The documents that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The request.
    Request,
    /// The result.
    Result,
    /// One event.
    Event,
}

/// The JSON Schema of one document.
pub fn schema(of: Subject) -> Value {
    let schema: Schema = match of {
        Subject::Request => schema_for!(Request),
        Subject::Result => schema_for!(RunResult),
        Subject::Event => schema_for!(Event),
    };
    schema.into()
}
