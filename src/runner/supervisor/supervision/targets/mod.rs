//! Decides which processes of a wrapped run get a SIGINT now.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::time::Duration;

use crate::process::{BootTicks, Process};
use crate::runner::command::leader::Program;

/// How long a wrapper may continue after its tool has ended, before it gets a SIGINT itself.
pub(crate) const WRAPPER_TURN: Duration = Duration::from_secs(5);

/// A process of the run.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) process: Process,
    /// What its program file reveals about itself.
    pub(crate) program: Program,
}

/// The processes that have received a SIGINT.
#[derive(Debug, Default)]
pub(crate) struct Interrupted {
    /// Single processes.
    pub(crate) processes: Vec<Process>,
    /// Whether one of them ran the tool.
    pub(crate) had_tool: bool,
    /// The leader's process group at that time.
    pub(crate) group: Option<(i32, BootTicks)>,
}

impl Interrupted {
    fn has(&self, process: &Process) -> bool {
        self.processes.iter().any(|one| one.is(process))
            || self
                .group
                .is_some_and(|(group, at)| process.group == group && process.started <= at)
    }
}

/// The processes that have to get a SIGINT.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets {
    /// The leader's process group.
    pub(crate) group: bool,
    /// Single processes, as indices.
    pub(crate) processes: Vec<usize>,
    /// Whether a process that runs the tool is alive.
    pub(crate) is_any_tool_alive: bool,
}

/// The processes of a run at one moment.
#[derive(Debug)]
pub(crate) struct ProcessSnapshot<'a> {
    /// The processes below the supervisor, parents before their children.
    pub(crate) processes: &'a [Seen],
    /// Name of the tool's program.
    pub(crate) program: &'a str,
    /// Whether a name is not proof: a process was seen whose program file identifies it as the tool.
    pub(crate) is_proof_wanted: bool,
    /// The leader's process group.
    pub(crate) leader_group: i32,
    /// For how long no process has run the tool.
    pub(crate) no_tool_for: Duration,
}

/// Decides which processes get a SIGINT now.
///
/// If the tool runs, only its outermost processes get one: each stops the processes that it has started itself. If no
/// tool runs, all processes get one: at once if no tool was seen before, else after the wrapper's turn.
pub(crate) fn next_targets(view: &ProcessSnapshot<'_>, interrupted: &Interrupted) -> Targets {
    let is_new = |index: &usize| !interrupted.has(&view.processes[*index].process);
    let tools = outermost_tools(view);
    if !tools.is_empty() {
        return Targets {
            group: false,
            processes: tools.into_iter().filter(is_new).collect(),
            is_any_tool_alive: true,
        };
    }
    let is_turn_over = !interrupted.had_tool || view.no_tool_for >= WRAPPER_TURN;
    if !is_turn_over || interrupted.group.is_some() {
        return Targets::default();
    }
    let is_outside = |index: &usize| view.processes[*index].process.group != view.leader_group;
    Targets {
        group: true,
        processes: (0..view.processes.len())
            .filter(is_outside)
            .filter(is_new)
            .collect(),
        is_any_tool_alive: false,
    }
}

/// Returns the processes that run the tool and have no ancestor that does.
fn outermost_tools(view: &ProcessSnapshot<'_>) -> Vec<usize> {
    let mut inside = HashSet::new();
    let mut tools = Vec::new();
    for (index, seen) in view.processes.iter().enumerate() {
        let is_below = inside.contains(&seen.process.parent);
        let runs_tool = runs_tool(seen, view);
        if is_below || runs_tool {
            inside.insert(seen.process.pid);
        }
        if !is_below && runs_tool {
            tools.push(index);
        }
    }
    tools
}

/// Returns whether a process runs the tool. A version manager's program with the tool's name, which starts the
/// tool, does not count.
fn runs_tool(seen: &Seen, view: &ProcessSnapshot<'_>) -> bool {
    let name = seen.process.program.as_deref();
    match seen.program {
        Program::Tool => true,
        Program::Other => false,
        Program::Unknown => {
            !view.is_proof_wanted && name.is_some_and(|name| is_tool(name, view.program))
        }
    }
}

/// Returns whether a file name is that of the tool: `terraform`, or a name that version managers and packages use:
/// `terraform_1.11.4`, `terraform-1.11`, `terraform.real`, `.terraform-wrapped`. Providers are not the tool.
fn is_tool(name: &str, program: &str) -> bool {
    let name = name.strip_prefix('.').unwrap_or(name);
    match name.strip_prefix(program) {
        None => false,
        Some("") => true,
        Some(rest) => {
            !rest.starts_with("-provider")
                && rest.starts_with(|next: char| "-_.".contains(next) || next.is_ascii_digit())
        }
    }
}
