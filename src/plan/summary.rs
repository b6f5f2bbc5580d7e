//! The summary of a plan.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::difference::{Absent, differences};
use super::document::{Change, Resource, decode};
use super::excerpt::excerpt;
use super::secrets::Secrets;
use super::shown::SENSITIVE;
use super::{Action, ActionReason, AttributeChange, MAX_PLAN_BYTES, PlanError};
use crate::protocol::json::deep_json;

/// Longest import id that is kept, in characters.
const MAX_ID_CHARS: usize = 200;

/// What a plan will do, without sensitive values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanSummary {
    /// Version of the tool that made the plan, as the tool reports it.
    pub tool_version: Option<String>,
    /// How many resources are affected, and how.
    pub counts: Counts,
    /// The resources that are changed, imported or moved, in the tool's order.
    pub resources: Vec<ResourceChange>,
    /// Actions that providers run besides changing resources, in the tool's order.
    #[serde(default)]
    pub invocations: Vec<ActionInvocation>,
    /// Changes and invocations that are deferred to a later plan; this plan does none of them.
    #[serde(default)]
    pub deferred: Vec<DeferredChange>,
    /// The outputs that change, by name.
    pub outputs: Vec<OutputChange>,
    /// What changed outside of the tool since the last apply; the plan starts from there.
    pub drift: Vec<ResourceChange>,
    /// Whether there is anything to apply, see [`PlanSummary::no_changes`].
    pub applyable: bool,
    /// Whether planning failed; then the plan contains only what was known until then.
    pub errored: bool,
    /// False if another plan is needed after this one is applied, as with `-target`; `None` if the tool does not
    /// say.
    pub complete: Option<bool>,
}

/// How many resources are affected, and how.
///
/// `add`, `change`, `destroy` and `import` are the numbers of the tool's own `Plan:` line. A replaced resource
/// counts in `replace`, and also in both `add` and `destroy`, as in that line. An imported one counts in `import`
/// in addition to its other action. That line leaves out `forget`, `read` and `other`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Created, alone or as a replacement.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Destroyed, alone or for a replacement.
    pub destroy: usize,
    /// Destroyed and created, in either order.
    pub replace: usize,
    /// Imported into the state.
    pub import: usize,
    /// Removed from the state without being destroyed.
    pub forget: usize,
    /// Data sources that are read during the apply.
    pub read: usize,
    /// Resources with an action that this version does not know.
    pub other: usize,
}

/// The kind of block that declares a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A `resource` block.
    Managed,
    /// A `data` block.
    Data,
    /// A mode that this version does not know.
    #[serde(untagged)]
    Other(String),
}

/// The planned change of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceChange {
    /// Its address, such as `module.net.aws_subnet.a["x"]`.
    pub address: String,
    /// Its type, such as `aws_subnet`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of block that declares it.
    pub mode: Mode,
    /// The planned action.
    pub action: Action,
    /// The reason, if the tool reports one.
    pub reason: Option<ActionReason>,
    /// Its previous address, if it is moved.
    pub moved_from: Option<String>,
    /// The id by which it is imported, if it is; empty if the id is not known yet.
    pub import_id: Option<String>,
    /// The key of a deposed object, if this is one: an object that a failed replacement did not destroy.
    pub deposed: Option<String>,
    /// The attributes that change, at most [`MAX_ATTRIBUTES`](super::MAX_ATTRIBUTES).
    pub attributes: Vec<AttributeChange>,
    /// How many more attributes change.
    pub attributes_left_out: usize,
}

/// A provider action that the apply invokes: it may do anything, and leaves nothing in the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionInvocation {
    /// Its address, such as `action.aws_lambda_invoke.warm_up`.
    pub address: String,
    /// Its type, such as `aws_lambda_invoke`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A resource change, or a provider action, that is deferred to a later plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeferredChange {
    /// The address of the resource or of the action.
    pub address: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason, such as `resource_config_unknown`, if the tool reports one.
    pub reason: Option<String>,
}

/// The planned change of one output of the root module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// The planned action: create, update or delete.
    pub action: Action,
    /// The differences of its value.
    pub values: Vec<AttributeChange>,
    /// How many more differences there are.
    pub values_left_out: usize,
}

impl PlanSummary {
    /// Parses what `show -json PLAN` printed.
    ///
    /// # Errors
    ///
    /// The text is larger than [`MAX_PLAN_BYTES`](super::MAX_PLAN_BYTES), is not JSON, has another major version
    /// than 1, or is not a plan. No error quotes a value of the plan.
    pub fn from_json(json: &[u8]) -> Result<Self, PlanError> {
        if json.len() > MAX_PLAN_BYTES {
            return Err(PlanError::TooLarge { bytes: json.len() });
        }
        let levels = deep_json::depth(json);
        deep_json::on_stack_for(levels, || Self::of_document(json))
            .ok_or(PlanError::TooDeep { levels })?
    }

    fn of_document(json: &[u8]) -> Result<Self, PlanError> {
        let document = decode(json)?;
        let secrets = Secrets::of(&document);
        let resources: Vec<_> = changes(document.resource_changes.as_deref(), &secrets)
            .filter(ResourceChange::is_touched)
            .collect();
        let drift: Vec<_> = changes(document.resource_drift.as_deref(), &secrets)
            .filter(|resource| resource.action != Action::NoOp)
            .collect();
        let invocations: Vec<_> = document
            .action_invocations
            .into_iter()
            .flatten()
            .map(|it| ActionInvocation {
                address: it.address,
                kind: it.kind,
            })
            .collect();
        let deferred = document.deferred_changes.into_iter().flatten();
        let deferred = deferred.map(|it| DeferredChange {
            address: it.resource_change.address,
            kind: it.resource_change.kind,
            reason: it.reason,
        });
        let invoked_later = document.deferred_action_invocations.into_iter().flatten();
        let invoked_later = invoked_later.map(|it| DeferredChange {
            address: it.action_invocation.address,
            kind: it.action_invocation.kind,
            reason: it.reason,
        });
        let outputs: Vec<_> = document
            .output_changes
            .iter()
            .flatten()
            .map(|(name, change)| OutputChange::new(name, change, &secrets))
            .filter(|output| output.action != Action::NoOp)
            .collect();
        let refreshes_only = document.resource_changes.is_none() && !drift.is_empty();
        let changes = !resources.is_empty() || !outputs.is_empty() || !invocations.is_empty();
        let plans = changes || refreshes_only;
        let errored = document.errored.unwrap_or(false);
        Ok(Self {
            tool_version: document.terraform_version,
            counts: Counts::of(&resources),
            resources,
            invocations,
            deferred: deferred.chain(invoked_later).collect(),
            outputs,
            drift,
            applyable: !errored && document.applyable.unwrap_or(plans),
            errored,
            complete: document.complete,
        })
    }

    /// Returns whether the plan succeeded and has nothing to apply.
    ///
    /// The tool's own `applyable` decides if it exists (terraform 1.8 and later). Otherwise terraform's rule
    /// applies: a change, an import, a move or a changed output has to be applied; drift has to be applied only if
    /// the plan was made with `-refresh-only`, which means that it plans no resource.
    pub const fn no_changes(&self) -> bool {
        !self.errored && !self.applyable
    }
}

fn changes<'a>(
    resources: Option<&'a [Resource]>,
    secrets: &'a Secrets,
) -> impl Iterator<Item = ResourceChange> + 'a {
    let resources = resources.unwrap_or_default();
    resources
        .iter()
        .map(|resource| ResourceChange::new(resource, secrets))
}

impl ResourceChange {
    fn new(resource: &Resource, secrets: &Secrets) -> Self {
        let action = Action::from_words(&resource.change.actions);
        let (attributes, attributes_left_out) = if action == Action::Forget {
            // The object stays unchanged.
            (Vec::new(), 0)
        } else {
            differences(&resource.change, Absent::ByAttribute, secrets)
        };
        let mode = match resource.mode.as_deref() {
            None | Some("managed") => Mode::Managed,
            Some("data") => Mode::Data,
            Some(other) => Mode::Other(other.to_owned()),
        };
        let import_id = resource.change.importing.as_ref().map(|importing| {
            let id = importing.id.as_deref().unwrap_or_default();
            if secrets.are_in(id) {
                SENSITIVE.to_owned()
            } else {
                excerpt(id, MAX_ID_CHARS)
            }
        });
        Self {
            address: resource.address.clone(),
            kind: resource.kind.clone(),
            mode,
            action,
            reason: resource.action_reason.clone(),
            moved_from: resource.previous_address.clone(),
            import_id,
            deposed: resource.deposed.clone(),
            attributes,
            attributes_left_out,
        }
    }

    /// Returns whether an apply changes it. A data source that is removed from the state is not counted; the tools
    /// do not show it either.
    fn is_touched(&self) -> bool {
        match self.action {
            Action::NoOp => self.import_id.is_some() || self.moved_from.is_some(),
            Action::Delete => self.mode != Mode::Data,
            Action::Create
            | Action::Read
            | Action::Update
            | Action::DeleteThenCreate
            | Action::CreateThenDelete
            | Action::Forget
            | Action::CreateThenForget
            | Action::Other(_) => true,
        }
    }
}

impl OutputChange {
    fn new(name: &str, change: &Change, secrets: &Secrets) -> Self {
        let (values, values_left_out) = differences(change, Absent::Whole, secrets);
        Self {
            name: name.to_owned(),
            action: Action::from_words(&change.actions),
            values,
            values_left_out,
        }
    }
}

impl Counts {
    fn of(resources: &[ResourceChange]) -> Self {
        let mut counts = Self::default();
        for resource in resources {
            counts.import += usize::from(resource.import_id.is_some());
            match resource.action {
                Action::NoOp => {}
                Action::Create => counts.add += 1,
                Action::Read => counts.read += 1,
                Action::Update => counts.change += 1,
                Action::DeleteThenCreate | Action::CreateThenDelete => {
                    counts.replace += 1;
                    counts.add += 1;
                    counts.destroy += 1;
                }
                Action::Delete => counts.destroy += 1,
                Action::Forget => counts.forget += 1,
                Action::CreateThenForget => {
                    counts.add += 1;
                    counts.forget += 1;
                }
                Action::Other(_) => counts.other += 1,
            }
        }
        counts
    }
}
