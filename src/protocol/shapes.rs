//! What the strings of a request may look like, as its JSON Schema says it.
//!
//! The decoder has the last word and better sentences; the schema must accept all that it accepts.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Defines types that stand for strings of a certain shape and hold nothing.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident = $($key:literal: $value:expr),+;)+) => {$(
        $(#[$doc])*
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum $name {}

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", $($key: $value),+})
            }
        }
    )+};
}

shapes! {
    /// Anything that a process can be given: no NUL.
    Text = "pattern": r"^[^\u0000]*$";
    /// A path; whether it is there is for the run to see.
    PathText = "pattern": r"^[^\u0000]+$", "maxLength": 4095;
    /// A path that does not depend on the directory of the runner.
    AbsolutePath = "pattern": r"^/[^\u0000]*$", "maxLength": 4095;
    /// Name of an environment variable; with a port, that of the token of a registry; with dashes or letters beyond
    /// ASCII, that of an input variable.
    VariableName =
        "pattern": r"^([A-Za-z_][A-Za-z0-9_]*|TF_TOKEN_[A-Za-z0-9_]+:[0-9]{1,5}|TF_VAR_[^\u0000-,./:-@\[-^`{-\u007f]+)$";
    /// Name of an environment variable, or the start of one and a `*`.
    VariablePattern = "pattern": r"^([A-Za-z_][A-Za-z0-9_]*|TF_TOKEN_[A-Za-z0-9_]+:[0-9]{1,5}|TF_VAR_[^\u0000-,./:-@\[-^`{-\u007f]+)\*?$";
    /// Three numbers, and what Semantic Versioning allows after them.
    ExactVersion = "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]*)?$";
}
