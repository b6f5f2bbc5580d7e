//! Checks environment variables, input variables and backend settings.

use secrecy::ExposeSecret;

use super::{Faults, RuleResult};
use crate::protocol::is_secret_name;
use crate::protocol::{is_identifier, is_settable_variable, member};
use crate::session::request::DeployRequest;

/// Longest `NAME=value` with its NUL that Linux passes to a process (`MAX_ARG_STRLEN`), in bytes.
const MAX_VARIABLE_BYTES: usize = 128 * 1024;

pub(super) fn environment(request: &DeployRequest, faults: &mut Faults) {
    for (name, value) in &request.env_vars {
        let field = format!("env_vars{}", member(name));
        let value = value.expose_secret();
        let verdict = name_of_variable(name, request.workspace.is_some()).and_then(|()| {
            if value.contains('\0') {
                Err("holds a NUL byte".to_owned())
            } else if name.len() + value.len() + 2 > MAX_VARIABLE_BYTES {
                Err(format!("is longer than {MAX_VARIABLE_BYTES} bytes"))
            } else {
                Ok(())
            }
        });
        faults.note(field, verdict);
    }
}

fn name_of_variable(name: &str, selects_workspace: bool) -> RuleResult {
    let refused = |problem: &str| Err(problem.to_owned());
    if !is_settable_variable(name) {
        return refused(
            "not a variable name: letters, digits and `_`, not a digit first; `-` only after `TF_VAR_`",
        );
    }
    match name {
        "TF_DATA_DIR" => refused("is refused: each deployment has a data directory of its own"),
        "TF_WORKSPACE" if selects_workspace => refused("is refused: `workspace` is given"),
        _ => match name.strip_prefix("TF_CLI_ARGS") {
            Some(of) if of.is_empty() || of.starts_with('_') => Err(flags_go_elsewhere(of)),
            _ => Ok(()),
        },
    }
}

/// Says which field replaces a variable `TF_CLI_ARGS`; `of` is the rest of its name.
fn flags_go_elsewhere(of: &str) -> String {
    let fields = match of {
        "_init" | "_get" => "`init_flags`",
        "_plan" | "_refresh" => "`plan_flags`",
        "_apply" | "_destroy" => "`apply_flags`",
        "" => "`init_flags`, `plan_flags` and `apply_flags`",
        _ => return "is refused: this command takes no further flags".to_owned(),
    };
    format!("is refused: flags go into {fields}")
}

pub(super) fn variables(request: &DeployRequest, faults: &mut Faults) {
    for name in request.variables.keys() {
        let verdict = if !is_identifier(name) {
            Err("not the name of an input variable".to_owned())
        } else if is_secret_name(name) {
            Err(format!(
                "its name says that it is secret, and `variables` are kept on disk: give it in \
                 `env_vars` as `TF_VAR_{}`",
                shown(name)
            ))
        } else {
            Ok(())
        };
        faults.note(format!("variables{}", member(name)), verdict);
    }
}

pub(super) fn backend(request: &DeployRequest, faults: &mut Faults) {
    for (name, value) in &request.backend_config {
        let verdict = if !is_identifier(name) {
            Err("not the name of a setting".to_owned())
        } else if is_secret_name(name) {
            Err(
                "its name says that it is secret, and `backend_config` is kept on disk: give it in \
                 `env_vars` as the variable that the backend reads for it"
                    .to_owned(),
            )
        } else if value.contains('\0') {
            Err("holds a NUL byte".to_owned())
        } else {
            Ok(())
        };
        faults.note(format!("backend_config{}", member(name)), verdict);
    }
}

/// Shortens a name for a sentence.
fn shown(name: &str) -> &str {
    let end = name.char_indices().nth(60).map_or(name.len(), |(at, _)| at);
    &name[..end]
}
