//! Labels of the series. Each has few values, and clients cannot add values.

use iac_runner::protocol::Diagnosis;
use iac_runner::session::{Operation, Reason, Status};
use prometheus_client::encoding::EncodeLabelSet;
use serde::Serialize;

/// Final status of a deployment, as in the API.
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

/// Detailed outcome of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeOf {
    operation: &'static str,
    reason: String,
    /// Class of the error; `none` if there is no error, or its class is unknown.
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

/// Phase that the time was spent in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct InPhase {
    pub(super) phase: &'static str,
}

/// Returns the JSON word of a value.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => "other".to_owned(),
    }
}
