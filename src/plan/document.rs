//! Parses the JSON of a plan.
//!
//! Unknown members and their values are ignored: minor versions of the format only add some.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::error::Category;
use thiserror::Error;

use super::ActionReason;
use super::excerpt::excerpt;
use crate::protocol::json::{deep_json, exact_number};

/// Largest document that is read, in bytes: a plan of some ten thousand resources.
pub const MAX_PLAN_BYTES: usize = 64 * 1024 * 1024;
/// The major `format_version` that both tools print.
const FORMAT_MAJOR: &str = "1";
/// Most characters of an unknown `format_version` that are shown.
const MAX_VERSION_CHARS: usize = 32;

/// Why a document is not accepted as a plan. Quotes none of its values but a format version.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// The document is longer than [`MAX_PLAN_BYTES`].
    #[error("the plan has {bytes} bytes, over the limit of {MAX_PLAN_BYTES}")]
    TooLarge {
        /// Size of the document in bytes.
        bytes: usize,
    },
    /// The document is nested deeper than 10,000 levels, or there is no memory for its depth.
    #[error("the plan is nested {levels} levels deep, which is more than can be read")]
    TooDeep {
        /// How deep it is nested.
        levels: usize,
    },
    /// The document is truncated or is not JSON.
    #[error("the plan is not JSON: it breaks off or has a fault at line {line}, column {column}")]
    NotJson {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, in bytes.
        column: usize,
    },
    /// The document is JSON of another shape.
    #[error("the plan has an unexpected shape at line {line}, column {column}")]
    Shape {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, in bytes.
        column: usize,
    },
    /// The major version of the format is not 1.
    #[error("the plan has format version `{version}`, known is {FORMAT_MAJOR}.x")]
    UnknownFormat {
        /// The version, truncated and on one line.
        version: String,
    },
    /// The document has a format version but is not a plan: the JSON of a state looks like this.
    #[error("the document is not a plan: it has no `planned_values`; a state looks so")]
    NotAPlan,
}

impl From<serde_json::Error> for PlanError {
    /// Keeps only the position: the message of `serde_json` quotes values.
    fn from(fault: serde_json::Error) -> Self {
        let (line, column) = (fault.line(), fault.column());
        match fault.classify() {
            Category::Data => Self::Shape { line, column },
            Category::Io | Category::Syntax | Category::Eof => Self::NotJson { line, column },
        }
    }
}

#[derive(Deserialize)]
struct Header {
    format_version: Option<String>,
    planned_values: Option<IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Document {
    #[serde(default)]
    pub(super) terraform_version: Option<String>,
    #[serde(default)]
    pub(super) variables: Option<BTreeMap<String, Variable>>,
    #[serde(default)]
    pub(super) resource_changes: Option<Vec<Resource>>,
    #[serde(default)]
    pub(super) resource_drift: Option<Vec<Resource>>,
    #[serde(default)]
    pub(super) action_invocations: Option<Vec<Invocation>>,
    #[serde(default)]
    pub(super) deferred_changes: Option<Vec<Deferred>>,
    #[serde(default)]
    pub(super) deferred_action_invocations: Option<Vec<DeferredInvocation>>,
    #[serde(default)]
    pub(super) output_changes: Option<BTreeMap<String, Change>>,
    #[serde(default)]
    pub(super) configuration: Option<Configuration>,
    pub(super) applyable: Option<bool>,
    pub(super) complete: Option<bool>,
    pub(super) errored: Option<bool>,
}

#[derive(Deserialize)]
pub(super) struct Variable {
    #[serde(default)]
    pub(super) value: Value,
}

#[derive(Default, Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    pub(super) root_module: RootModule,
}

#[derive(Default, Deserialize)]
pub(super) struct RootModule {
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Declaration>,
}

#[derive(Deserialize)]
pub(super) struct Declaration {
    #[serde(default)]
    pub(super) sensitive: bool,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    pub(super) address: String,
    pub(super) previous_address: Option<String>,
    pub(super) mode: Option<String>,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
    pub(super) deposed: Option<String>,
    pub(super) change: Change,
    pub(super) action_reason: Option<ActionReason>,
}

/// An action that a provider has to run besides changing resources (terraform 1.14 and later).
#[derive(Deserialize)]
pub(super) struct Invocation {
    pub(super) address: String,
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

/// A change that this plan defers to a later one.
#[derive(Deserialize)]
pub(super) struct Deferred {
    pub(super) reason: Option<String>,
    pub(super) resource_change: Resource,
}

/// A provider action that this plan defers to a later one.
#[derive(Deserialize)]
pub(super) struct DeferredInvocation {
    pub(super) reason: Option<String>,
    pub(super) action_invocation: Invocation,
}

#[derive(Deserialize)]
pub(super) struct Change {
    pub(super) actions: Vec<String>,
    #[serde(default)]
    pub(super) before: Value,
    #[serde(default)]
    pub(super) after: Value,
    #[serde(default)]
    pub(super) after_unknown: Value,
    #[serde(default)]
    pub(super) before_sensitive: Value,
    #[serde(default)]
    pub(super) after_sensitive: Value,
    #[serde(default)]
    pub(super) replace_paths: Option<Vec<Vec<Value>>>,
    pub(super) importing: Option<Importing>,
}

#[derive(Deserialize)]
pub(super) struct Importing {
    pub(super) id: Option<String>,
}

/// Decodes the JSON of a plan; checks the format before the contents. The stack has to suffice for its depth.
pub(super) fn decode(json: &[u8]) -> Result<Document, PlanError> {
    let protected = std::str::from_utf8(json).map(exact_number::protect);
    let json = protected.as_ref().map_or(json, |text| text.as_bytes());
    let header: Header = deep_json::from_slice(json)?;
    let version = header.format_version.unwrap_or_default();
    if version.split('.').next() != Some(FORMAT_MAJOR) {
        return Err(PlanError::UnknownFormat {
            version: excerpt(&version, MAX_VERSION_CHARS),
        });
    }
    if header.planned_values.is_none() {
        return Err(PlanError::NotAPlan);
    }
    Ok(deep_json::from_slice(json)?)
}
