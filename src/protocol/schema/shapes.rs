//! Shapes of the strings of a request, as its JSON Schema describes them.
//!
//! The decoder decides and has better messages; the schema must accept everything that the decoder accepts.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Defines empty types that represent strings of a certain shape.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident = $($key:literal: $value:expr),+;)+) => {$(
        $(#[$doc])*
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name {}

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
    /// Any string that can be passed to a process: no NUL.
    Text = "pattern": r"^[^\u0000]*$";
    /// A path; the run checks whether it exists.
    PathText = "pattern": r"^[^\u0000]+$", "maxLength": 4095;
    /// A path that does not depend on the runner's working directory.
    AbsolutePath = "pattern": r"^/[^\u0000]*$", "maxLength": 4095;
    /// Name of an environment variable; with a port, a registry token variable; with dashes or letters beyond
    /// ASCII, an input variable.
    VariableName =
        "pattern": r"^([A-Za-z_][A-Za-z0-9_]*|TF_TOKEN_[A-Za-z0-9_]+:[0-9]{1,5}|TF_VAR_[^\u0000-,./:-@\[-^`{-\u007f]+)$";
    /// Name of an environment variable, or a prefix of one followed by `*`.
    VariablePattern = "pattern": r"^([A-Za-z_][A-Za-z0-9_]*|TF_TOKEN_[A-Za-z0-9_]+:[0-9]{1,5}|TF_VAR_[^\u0000-,./:-@\[-^`{-\u007f]+)\*?$";
    /// Three numbers, and the suffix that Semantic Versioning allows.
    ExactVersion = "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]*)?$";
}
