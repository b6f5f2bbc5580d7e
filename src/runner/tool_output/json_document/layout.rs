//! Where the documents of both tools contain words of their format, and where values.
//!
//! Both tools describe the format at <https://developer.hashicorp.com/terraform/internals/json-format>. Anything
//! unknown here counts as a value.

/// The kind of an object, or of the objects in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Context {
    /// An object of the format: all names belong to the format.
    Format,
    /// Outputs by their names.
    Outputs,
    /// Changes of outputs by their names.
    OutputChanges,
    /// The change of one output; its values have no attributes.
    OutputChange,
    /// Variables by their names.
    Variables,
    /// An object of a provider's schema: its own names are attributes.
    Attributes,
    /// The configuration: all names come from it, and no string counts as a word of the format.
    Configuration,
    /// A type: its strings are words; the names of its objects may come from values.
    Type,
    /// Paths of attributes: the first step of each is an attribute.
    Paths,
    /// A value.
    #[default]
    Value,
}

/// The kind of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Text {
    /// A word of the format, or a name of the configuration.
    Word,
    /// An address: names, and keys of `for_each` in brackets, which are values.
    Address,
    /// A value.
    #[default]
    Value,
}

/// The content of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Content {
    /// Its kind if it is an object, or an array of objects.
    pub(crate) context: Context,
    /// Its kind if it is a string, or an array of strings.
    pub(crate) text: Text,
}

impl Context {
    /// Returns whether the names of its members are words of the format or names of the configuration.
    pub(crate) const fn has_fixed_names(self) -> bool {
        match self {
            Self::Format
            | Self::Outputs
            | Self::OutputChanges
            | Self::OutputChange
            | Self::Variables
            | Self::Attributes
            | Self::Configuration => true,
            Self::Type | Self::Paths | Self::Value => false,
        }
    }

    /// Returns whether a document of this kind may begin with a member with this name.
    pub(crate) fn begins_with(self, name: &str) -> bool {
        match self {
            // A state itself begins with its `version`.
            Self::Format => matches!(name, "format_version" | "terraform_version" | "version"),
            // The members of a line of the tools' log begin with `@`; no output name does.
            _ => !name.starts_with('@'),
        }
    }

    /// Returns the content of the member with this name; `of` is the name of the object itself, empty for the
    /// document.
    pub(crate) fn member(self, name: &str, of: &str) -> Content {
        let nested = |context| Content {
            context,
            text: Text::Value,
        };
        match self {
            Self::Format => of_format(name, of),
            Self::Outputs | Self::Variables => nested(Self::Format),
            Self::OutputChanges => nested(Self::OutputChange),
            Self::OutputChange => match of_format(name, of) {
                Content {
                    context: Self::Attributes,
                    ..
                } => nested(Self::Value),
                content => content,
            },
            Self::Configuration => match name {
                "constant_value" | "default" => nested(Self::Value),
                _ => nested(Self::Configuration),
            },
            Self::Type => Content {
                context: Self::Type,
                text: Text::Word,
            },
            Self::Attributes | Self::Paths | Self::Value => nested(Self::Value),
        }
    }
}

fn of_format(name: &str, of: &str) -> Content {
    use Context::{
        Attributes, Configuration, Format, OutputChanges, Outputs, Paths, Type, Value, Variables,
    };
    let (context, text) = match name {
        // Of a state, either the document itself or the one before a plan; else of a resource.
        "values" if matches!(of, "" | "prior_state") => (Format, Text::Value),
        // `attributes` occurs in a state itself.
        "values" | "attributes" | "sensitive_values" | "before" | "after" | "before_sensitive"
        | "after_sensitive" | "after_unknown" | "before_identity" | "after_identity"
        | "identity" | "config_values" | "config_sensitive" | "config_unknown" => {
            (Attributes, Text::Value)
        }
        "outputs" => (Outputs, Text::Value),
        "output_changes" => (OutputChanges, Text::Value),
        "variables" => (Variables, Text::Value),
        "configuration" => (Configuration, Text::Value),
        "replace_paths" => (Paths, Text::Value),
        "type" => (Type, Text::Word),
        "mode"
        | "name"
        | "kind"
        | "status"
        | "severity"
        | "reason"
        | "actions"
        | "action_reason"
        | "provider_name"
        | "format_version"
        | "terraform_version"
        | "deposed"
        | "deposed_key"
        | "action_trigger_event"
        | "platform" => (Value, Text::Word),
        "address"
        // An object in `checks`, a string elsewhere.
        | "previous_address"
        | "module_address"
        | "triggering_resource_address"
        | "to_display"
        | "module"
        | "resource"
        | "depends_on" => (Format, Text::Address),
        "planned_values"
        | "prior_state"
        | "root_module"
        | "child_modules"
        | "resources"
        | "resource_changes"
        | "resource_drift"
        | "change"
        | "importing"
        | "relevant_attributes"
        | "checks"
        | "instances"
        | "problems"
        | "action_invocations"
        | "lifecycle_action_trigger"
        | "invoke_action_trigger"
        | "deferred_changes"
        | "resource_change"
        | "deferred_action_invocations"
        | "action_invocation"
        | "diagnostics"
        | "range"
        | "start"
        | "end"
        | "snippet" => (Format, Text::Value),
        _ => (Value, Text::Value),
    };
    Content { context, text }
}
