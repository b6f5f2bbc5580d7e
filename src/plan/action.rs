//! The planned action for one resource or output, and its reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The planned action for one resource or output.
///
/// The names are those of `actions` in terraform's [JSON format][format].
///
/// [format]: https://developer.hashicorp.com/terraform/internals/json-format#change-representation
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// No action; the resource may still be imported or moved.
    NoOp,
    /// It is created.
    Create,
    /// A data source is read during the apply.
    Read,
    /// It is changed in place.
    Update,
    /// It is destroyed, then created again.
    DeleteThenCreate,
    /// Its replacement is created, then it is destroyed.
    CreateThenDelete,
    /// It is destroyed.
    Delete,
    /// It is removed from the state and continues to exist.
    Forget,
    /// Its replacement is created; it is removed from the state and continues to exist.
    CreateThenForget,
    /// Actions that this version does not know, joined by commas. Never treated as no action.
    #[serde(untagged)]
    Other(String),
}

impl Action {
    pub(super) fn from_words(words: &[String]) -> Self {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["no-op"] => Self::NoOp,
            ["create"] => Self::Create,
            ["read"] => Self::Read,
            ["update"] => Self::Update,
            ["delete", "create"] => Self::DeleteThenCreate,
            ["create", "delete"] => Self::CreateThenDelete,
            ["delete"] => Self::Delete,
            ["forget"] => Self::Forget,
            ["create", "forget"] => Self::CreateThenForget,
            _ => Self::Other(words.join(",")),
        }
    }

    /// Returns the symbol before a resource: terraform's own, and `?` for unknown actions.
    pub const fn sign(&self) -> &'static str {
        match self {
            Self::NoOp => "",
            Self::Create => "+",
            Self::Read => "<=",
            Self::Update => "~",
            Self::DeleteThenCreate => "-/+",
            Self::CreateThenDelete => "+/-",
            Self::Delete => "-",
            Self::Forget => ".",
            Self::CreateThenForget => "+/.",
            Self::Other(_) => "?",
        }
    }
}

/// Why the tool chose an action, by the tool's own name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionReason {
    /// The object is marked as tainted.
    ReplaceBecauseTainted,
    /// The `-replace` option requested it.
    ReplaceByRequest,
    /// `replace_triggered_by` requested it.
    ReplaceByTriggers,
    /// The provider cannot make this change in place.
    ReplaceBecauseCannotUpdate,
    /// The configuration does not contain the resource any more.
    DeleteBecauseNoResourceConfig,
    /// The resource now uses `count` or `for_each`, or no longer uses it.
    DeleteBecauseWrongRepetition,
    /// The index is beyond `count`.
    DeleteBecauseCountIndex,
    /// The key is not in `for_each`.
    DeleteBecauseEachKey,
    /// The module is not in the configuration any more.
    DeleteBecauseNoModule,
    /// The resource was moved to an address that the configuration does not have.
    DeleteBecauseNoMoveTarget,
    /// The data source's configuration is known only during the apply.
    ReadBecauseConfigUnknown,
    /// The data source depends on a pending change.
    ReadBecauseDependencyPending,
    /// The data source belongs to a `check` block.
    ReadBecauseCheckNested,
    /// A reason that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl ActionReason {
    /// Returns the reason as text for a person.
    pub fn words(&self) -> &str {
        match self {
            Self::ReplaceBecauseTainted => "tainted",
            Self::ReplaceByRequest => "replace was requested",
            Self::ReplaceByTriggers => "replace_triggered_by",
            Self::ReplaceBecauseCannotUpdate => "cannot be updated in place",
            Self::DeleteBecauseNoResourceConfig => "not in the configuration",
            Self::DeleteBecauseWrongRepetition => "count or for_each was added or removed",
            Self::DeleteBecauseCountIndex => "index is beyond count",
            Self::DeleteBecauseEachKey => "key is not in for_each",
            Self::DeleteBecauseNoModule => "module is not in the configuration",
            Self::DeleteBecauseNoMoveTarget => "moved to an address without configuration",
            Self::ReadBecauseConfigUnknown => "configuration is known after apply",
            Self::ReadBecauseDependencyPending => "depends on something that changes",
            Self::ReadBecauseCheckNested => "part of a check",
            Self::Other(word) => word,
        }
    }
}
