//! What is known when no process of a run is left.

use crate::process::{Ended, Survivors};
use crate::protocol::StopReason;
use crate::runner::ladder::KillCause;
use crate::runner::leader::Leader;

/// The outcome of a supervision.
#[derive(Debug)]
pub(in crate::runner) struct Outlived {
    /// How the program in the tool's place ended; `None` if it did not die of SIGKILL in time.
    pub(in crate::runner) ended: Option<Ended>,
    /// The kind of that program when it ended.
    pub(in crate::runner) leader: Leader,
    /// Whether any other process of the run was alive at that moment.
    pub(in crate::runner) left_running: bool,
    /// Whether the tool was alive at that moment, behind a wrapper that had ended by itself.
    pub(in crate::runner) has_tool_outlived: bool,
    /// Whether the tool received a stop signal: it reported that, or it was signalled behind a wrapper.
    pub(in crate::runner) interrupted: bool,
    /// Why it was stopped, if it was.
    pub(in crate::runner) stop_reason: Option<StopReason>,
    /// Why the runner ended it with SIGKILL, if it did.
    pub(in crate::runner) killed: Option<KillCause>,
    /// Processes that could not be ended.
    pub(in crate::runner) survivors: Survivors,
    /// Whether all of the output was read; processes that could not be ended may print more.
    pub(in crate::runner) is_output_read: bool,
    /// Whether all of the output was read to its end.
    pub(in crate::runner) output_complete: bool,
}

impl Outlived {
    /// Returns whether a wrapper's exit code is not conclusive about the tool: the wrapper ended first, or the tool
    /// was stopped and its wrapper may have dropped its exit code, as `terraform apply | tee log` does.
    pub(in crate::runner) fn hides_end_of_tool(&self) -> bool {
        let is_stopped = self.interrupted && self.stop_reason.is_some();
        self.leader == Leader::Wrapper && (self.has_tool_outlived || is_stopped)
    }
}
