//! Decides what to do when the program in the tool's place has ended and other processes of the run are still
//! alive.

use crate::process::Ended;
use crate::runner::command::leader::Leader;
use crate::runner::supervisor::escalation::StopStage;

/// What happens to the remaining processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They are killed at once.
    Ended,
    /// They get the grace period, or what is left of it: the real tool may be writing its state.
    HasGrace,
    /// They continue as long as the tool is one of them.
    WorksOn,
}

/// Whether the tool is one of the remaining processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ToolLife {
    /// A process runs the tool.
    Runs,
    /// No visible process runs the tool; the one that will may not have called exec yet.
    NotSeen,
    /// `/proc` does not show the processes.
    Hidden,
}

/// Decides what to do with processes that outlive the leader.
///
/// Daemons that a tool leaves behind must not delay its result. But a wrapper may end before the tool does: a shell
/// dies of the SIGINT to which the tool responds with a graceful stop, or started the tool in the background.
pub(crate) fn rest_after(leader: Leader, ended: Ended, stage: StopStage, tool: ToolLife) -> Rest {
    match (stage, leader, tool) {
        (StopStage::Killed, ..) => Rest::Ended,
        (StopStage::Stopping, Leader::Wrapper, _) => Rest::HasGrace,
        (StopStage::Running, Leader::Wrapper, _) if is_abrupt(ended) => Rest::HasGrace,
        (StopStage::Running, Leader::Wrapper, ToolLife::Hidden) => Rest::HasGrace,
        (StopStage::Running, Leader::Wrapper, ToolLife::Runs | ToolLife::NotSeen) => Rest::WorksOn,
        (StopStage::Stopping, Leader::Tool, _) if is_abrupt(ended) => Rest::HasGrace,
        // Neither tool dies of these signals, but a program that starts the tool does.
        (StopStage::Running, Leader::Tool, _) if is_stop_signal(ended) => Rest::HasGrace,
        // A provisioner has started another run, which has its own state.
        (StopStage::Stopping | StopStage::Running, Leader::Tool, ToolLife::Runs) => Rest::HasGrace,
        (
            StopStage::Stopping | StopStage::Running,
            Leader::Tool,
            ToolLife::NotSeen | ToolLife::Hidden,
        ) => Rest::Ended,
    }
}

/// Returns whether a process was ended by a signal, or a shell reports this of its child.
fn is_abrupt(ended: Ended) -> bool {
    ended.code() > 128
}

fn is_stop_signal(ended: Ended) -> bool {
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP]
        .iter()
        .any(|signal| ended.code() == 128 + signal)
}

#[cfg(test)]
mod tests {
    use super::Ended::{Exited, Signalled};
    use super::StopStage::{Killed, Running, Stopping};
    use super::ToolLife::{Hidden, NotSeen, Runs};
    use super::*;
    use crate::runner::command::leader::Leader::{Tool, Wrapper};

    #[test]
    fn the_grace_is_that_of_all_that_was_started() {
        let table = [
            (Tool, Exited(0), Running, NotSeen, Rest::Ended),
            (Tool, Exited(0), Running, Hidden, Rest::Ended),
            (Tool, Exited(0), Running, Runs, Rest::HasGrace),
            (Tool, Exited(1), Stopping, NotSeen, Rest::Ended),
            (Tool, Exited(1), Stopping, Hidden, Rest::Ended),
            (Tool, Exited(1), Stopping, Runs, Rest::HasGrace),
            (Tool, Exited(128), Stopping, NotSeen, Rest::Ended),
            (Tool, Exited(130), Stopping, NotSeen, Rest::HasGrace),
            (Tool, Signalled(2), Stopping, NotSeen, Rest::HasGrace),
            (Tool, Signalled(2), Running, NotSeen, Rest::HasGrace),
            (Tool, Exited(143), Running, NotSeen, Rest::HasGrace),
            (Tool, Signalled(9), Running, NotSeen, Rest::Ended),
            (Tool, Signalled(9), Killed, Runs, Rest::Ended),
            (Wrapper, Exited(0), Running, NotSeen, Rest::WorksOn),
            (Wrapper, Exited(0), Running, Runs, Rest::WorksOn),
            (Wrapper, Exited(0), Running, Hidden, Rest::HasGrace),
            (Wrapper, Exited(1), Running, NotSeen, Rest::WorksOn),
            (Wrapper, Exited(1), Running, Runs, Rest::WorksOn),
            (Wrapper, Signalled(9), Running, NotSeen, Rest::HasGrace),
            (Wrapper, Signalled(9), Running, Runs, Rest::HasGrace),
            (Wrapper, Exited(0), Stopping, NotSeen, Rest::HasGrace),
            (Wrapper, Exited(1), Stopping, Runs, Rest::HasGrace),
            (Wrapper, Signalled(2), Stopping, NotSeen, Rest::HasGrace),
            (Wrapper, Signalled(9), Killed, Runs, Rest::Ended),
        ];
        for (leader, ended, stage, tool, rest) in table {
            assert_eq!(
                rest_after(leader, ended, stage, tool),
                rest,
                "{leader:?} {ended:?} {stage:?} {tool:?}"
            );
        }
    }
}
