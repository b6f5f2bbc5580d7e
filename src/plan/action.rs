//! What is planned for one resource or output, and why.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is planned for one resource or output.
///
/// The source of the words is `actions` of terraform's [JSON format][format].
///
/// [format]: https://developer.hashicorp.com/terraform/internals/json-format#change-representation
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing; the resource may still be imported or moved.
    NoOp,
    /// It comes into being.
    Create,
    /// A data source is read during the apply.
    Read,
    /// It is changed in place.
    Update,
    /// It is destroyed, then created again.
    DeleteThenCreate,
    /// Its successor is created, then it is destroyed.
    CreateThenDelete,
    /// It is destroyed.
    Delete,
    /// It leaves the state and goes on to exist.
    Forget,
    /// Its successor is created; it leaves the state and goes on to exist.
    CreateThenForget,
    /// Words that this version does not know, joined by commas. Never taken for nothing.
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

    /// The sign that stands before a resource: those of terraform, and `?` for words not known.
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

/// Why the tool chose an action, by its own word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActionReason {
    /// The object is marked as tainted.
    ReplaceBecauseTainted,
    /// `-replace` asked for it.
    ReplaceByRequest,
    /// `replace_triggered_by` asked for it.
    ReplaceByTriggers,
    /// The provider cannot make this change in place.
    ReplaceBecauseCannotUpdate,
    /// The configuration has no such resource any more.
    DeleteBecauseNoResourceConfig,
    /// The resource uses `count` or `for_each` now, or does not any more.
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
    /// The data source depends on something that is going to change.
    ReadBecauseDependencyPending,
    /// The data source belongs to a `check` block.
    ReadBecauseCheckNested,
    /// A word that this version does not know.
    #[serde(untagged)]
    Other(String),
}

impl ActionReason {
    /// The reason in words for a person.
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
