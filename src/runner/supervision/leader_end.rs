//! What follows when the program in the tool's place has ended and something of the run is still alive.

use crate::process::Ended;
use crate::runner::ladder::Stage;
use crate::runner::leader::Leader;

/// What is done with the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// It is ended at once.
    Ended,
    /// It has the grace, or what is left of it: the real tool may be writing its state.
    HasGrace,
}

/// Decides what is done with processes that outlive the leader.
///
/// Daemons that a tool leaves behind must not hold up its result. But a wrapper may end before the tool does:
/// a shell dies of the SIGINT that the tool answers with a graceful stop.
pub(super) fn rest_after(leader: Leader, ended: Ended, stage: Stage) -> Rest {
    match (stage, leader) {
        (Stage::Killed, _) => Rest::Ended,
        (Stage::Stopping, Leader::Wrapper) => Rest::HasGrace,
        (Stage::Stopping, Leader::Tool) if is_abrupt(ended) => Rest::HasGrace,
        (Stage::Running, Leader::Wrapper) if is_abrupt(ended) => Rest::HasGrace,
        // Neither tool dies of these, but a binary that starts the tool does.
        (Stage::Running, Leader::Tool) if is_stop_signal(ended) => Rest::HasGrace,
        (Stage::Stopping | Stage::Running, Leader::Tool) | (Stage::Running, Leader::Wrapper) => {
            Rest::Ended
        }
    }
}

/// Whether a process was ended by a signal, or a shell tells so of its child.
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
    use super::Stage::{Killed, Running, Stopping};
    use super::*;
    use crate::runner::leader::Leader::{Tool, Wrapper};

    #[test]
    fn the_grace_is_that_of_all_that_was_started() {
        let table = [
            (Tool, Exited(0), Running, Rest::Ended),
            (Tool, Exited(1), Stopping, Rest::Ended),
            (Tool, Exited(128), Stopping, Rest::Ended),
            (Tool, Exited(130), Stopping, Rest::HasGrace),
            (Tool, Signalled(2), Stopping, Rest::HasGrace),
            (Tool, Signalled(2), Running, Rest::HasGrace),
            (Tool, Exited(143), Running, Rest::HasGrace),
            (Tool, Signalled(9), Running, Rest::Ended),
            (Tool, Signalled(9), Killed, Rest::Ended),
            (Wrapper, Exited(0), Running, Rest::Ended),
            (Wrapper, Exited(1), Running, Rest::Ended),
            (Wrapper, Signalled(9), Running, Rest::HasGrace),
            (Wrapper, Exited(0), Stopping, Rest::HasGrace),
            (Wrapper, Exited(1), Stopping, Rest::HasGrace),
            (Wrapper, Signalled(2), Stopping, Rest::HasGrace),
            (Wrapper, Signalled(9), Killed, Rest::Ended),
        ];
        for (leader, ended, stage, rest) in table {
            assert_eq!(
                rest_after(leader, ended, stage),
                rest,
                "{leader:?} {ended:?} {stage:?}"
            );
        }
    }
}
