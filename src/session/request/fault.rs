//! Faults of a request, and of the record of one.

use std::fmt;

use thiserror::Error;

use super::names::FIELDS;
use crate::protocol::{Fault, sentence};

/// Largest number of faults shown in one sentence.
const MAX_FAULTS_SHOWN: usize = 12;

/// One problem of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// The field, such as `git_auth.password` or `tfvars_files[2]`; `$` for the whole body.
    pub field: String,
    /// What is wrong with it; never repeats the value.
    pub problem: String,
}

impl From<Fault> for FieldFault {
    fn from(fault: Fault) -> Self {
        let field = fault.path.strip_prefix("$.").unwrap_or(&fault.path);
        Self::new(field, fault.problem)
    }
}

impl FieldFault {
    pub(super) fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            problem: problem.into(),
        }
    }

    /// Returns whether the other fault is redundant: its field is the same, or within this one.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other
            .field
            .strip_prefix(&self.field)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }

    /// Returns the position of its field on the wire; unknown fields come last.
    fn position(&self) -> usize {
        let name = self.field.split(['.', '[']).next().unwrap_or_default();
        FIELDS
            .iter()
            .position(|field| *field == name)
            .unwrap_or(FIELDS.len())
    }
}

impl fmt::Display for FieldFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.field, self.problem)
    }
}

/// All problems of a request; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("invalid request: {}", sentence(faults, MAX_FAULTS_SHOWN))]
pub struct InvalidRequest {
    /// The faults, in the order of the fields in the documentation.
    pub faults: Vec<FieldFault>,
}

impl InvalidRequest {
    /// Creates an error from faults, if there are any.
    pub(super) fn of(mut faults: Vec<FieldFault>) -> Option<Self> {
        faults.sort_by_key(FieldFault::position);
        (!faults.is_empty()).then_some(Self { faults })
    }

    pub(super) fn whole(problem: impl Into<String>) -> Self {
        Self {
            faults: vec![FieldFault::new("$", problem)],
        }
    }
}

/// Why a request cannot be restored from its record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record leaves out secrets that were not supplied.
    #[error(
        "the request cannot be completed without its secrets, missing: {}",
        quoted(names)
    )]
    SecretsMissing {
        /// The fields, such as `env_vars.AWS_SECRET_ACCESS_KEY` or `git_auth.password`.
        names: Vec<String>,
    },
    /// The record does not describe a request.
    #[error("the record is not one of a request")]
    Malformed(#[source] InvalidRequest),
}

fn quoted(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    shown.join(", ")
}
