//! The names of the body's fields.

/// Every field of the body, in the order of the documentation.
pub(super) const FIELDS: [&str; 22] = [
    "tool",
    "git_url",
    "git_ref",
    "source",
    "path",
    "env_vars",
    "tfvars_files",
    "init_flags",
    "plan_flags",
    "apply_flags",
    "timeout",
    "auto_approve",
    "git_auth",
    "ssh",
    "submodules",
    "git_depth",
    "operation",
    "workspace",
    "targets",
    "replace",
    "variables",
    "backend_config",
];
