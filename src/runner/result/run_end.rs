//! What is known when no process of a run is left.

use crate::process::{Ended, Survivors};
use crate::protocol::StopReason;
use crate::runner::command::leader::Leader;

/// The outcome of a supervision.
#[derive(Debug)]
pub(crate) struct RunEnd {
    /// How the program in the tool's place ended; `None` if it did not die of SIGKILL in time.
    pub(crate) ended: Option<Ended>,
    /// The kind of that program when it ended.
    pub(crate) leader: Leader,
    /// Whether any other process of the run was alive at that moment.
    pub(crate) left_running: bool,
    /// Whether the tool was alive at that moment, behind a wrapper that had ended by itself.
    pub(crate) has_tool_outlived: bool,
    /// Whether the tool received a stop signal: it reported that, or it was signalled behind a wrapper.
    pub(crate) interrupted: bool,
    /// Why it was stopped, if it was.
    pub(crate) stop_reason: Option<StopReason>,
    /// Why the runner ended it with SIGKILL, if it did.
    pub(crate) killed: Option<KillCause>,
    /// Processes that could not be ended.
    pub(crate) survivors: Survivors,
    /// Whether all of the output was read; processes that could not be ended may print more.
    pub(crate) is_output_read: bool,
    /// Whether all of the output was read to its end.
    pub(crate) output_complete: bool,
}

impl RunEnd {
    /// Returns whether a wrapper's exit code is not conclusive about the tool: the wrapper ended first, or the tool
    /// was stopped and its wrapper may have dropped its exit code, as `terraform apply | tee log` does.
    pub(crate) fn hides_end_of_tool(&self) -> bool {
        let is_stopped = self.interrupted && self.stop_reason.is_some();
        self.leader == Leader::Wrapper && (self.has_tool_outlived || is_stopped)
    }
}

/// Why SIGKILL was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KillCause {
    /// The grace period had expired.
    GraceRanOut,
    /// Force was requested.
    Forced,
}
