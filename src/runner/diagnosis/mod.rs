//! What went wrong, from what terraform and tofu really print.

use crate::protocol::{Diagnosis, Tool};

/// How the tool's own process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Signalled(nix::sys::signal::Signal),
}

/// Everything that a diagnosis may look at.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The tool that ran.
    pub tool: Tool,
    /// Its subcommand.
    pub command: &'a str,
    /// The arguments after the subcommand.
    pub args: &'a [String],
    /// How it ended.
    pub ending: Ending,
    /// The last part of its masked output, colour codes included.
    pub text: &'a str,
    /// Whether the kernel's OOM killer struck while it ran.
    pub oom_killed: bool,
}

/// Names the fault of a run that did not succeed; `None` when the tool exited with 0.
pub fn diagnose(_observed: &Observed<'_>) -> Option<Diagnosis> {
    None
}
