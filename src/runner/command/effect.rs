//! What a command may have done by the time it ends.

use crate::runner::command::flags;

/// What a command may have done by the time it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Certainly nothing permanent, except files that the same command would rewrite.
    Nothing,
    /// It writes the state, and maybe infrastructure.
    State,
    /// Something else, or unknown.
    Other,
}

/// Returns whether a command takes the lock of the state and writes no state.
pub fn takes_only_lock(command: &str) -> bool {
    ["plan", "console"].contains(&command)
}

/// Returns what a command with these arguments may have done.
pub fn effect_of(command: &str, args: &[String]) -> Effect {
    let subcommand = flags::first_operand(args);
    match command {
        "apply" | "destroy" | "import" | "refresh" | "taint" | "untaint" => Effect::State,
        "state" => match subcommand {
            Some("mv" | "rm" | "push" | "replace-provider") => Effect::State,
            Some("list" | "show" | "pull") => Effect::Nothing,
            _ => Effect::Other,
        },
        "workspace" | "env" if matches!(subcommand, Some("new" | "delete")) => Effect::State,
        "init" if flags::is_on(args, "migrate-state") || flags::is_on(args, "force-copy") => {
            Effect::State
        }
        // A second `-from-module` would find the directory not empty.
        "init" if flags::is_given(args, "from-module") => Effect::Other,
        "fmt" if !flags::is_on(args, "check") => Effect::Other,
        "providers" if !matches!(subcommand, None | Some("schema")) => Effect::Other,
        "plan" | "validate" | "show" | "output" | "version" | "fmt" | "providers" | "graph"
        | "get" | "init" => Effect::Nothing,
        _ => Effect::Other,
    }
}
