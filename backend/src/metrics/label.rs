//! The labels of the series. Each has few values, and none that a caller makes up.

use iac_runner::protocol::Diagnosis;
use iac_runner::session::{Operation, Reason, Status};
use prometheus_client::encoding::EncodeLabelSet;
use serde::Serialize;

/// How a deployment ended, in the words of the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndedAs {
    status: String,
}

impl EndedAs {
    pub(super) fn of(status: Status) -> Self {
        Self {
            status: word(status),
        }
    }
}

/// How a deployment ended, more closely.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeOf {
    operation: &'static str,
    reason: String,
    /// The class of the error; `none` when there is none, or none that is known.
    class: String,
}

impl OutcomeOf {
    pub(super) fn of(operation: Operation, reason: Reason, diagnosis: Option<&Diagnosis>) -> Self {
        Self {
            operation: operation.word(),
            reason: word(reason),
            class: diagnosis.map_or_else(|| "none".to_owned(), |it| word(it.class)),
        }
    }
}

/// Where the time went.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct InPhase {
    pub(super) phase: &'static str,
}

/// The word for a value on the wire.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => "other".to_owned(),
    }
}
