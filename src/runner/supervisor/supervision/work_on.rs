//! Tracks a tool that continues behind a wrapper that has ended by itself.

use std::time::Duration;

use tokio::time::Instant;

use super::leader_end::ToolLife;

/// How often the processes are checked.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many checks in a row must find no process that runs the tool before the remaining processes count as
/// daemons: a child of a shell needs a moment to become the tool, and a script may run the tool twice.
const EMPTY_LOOKS: u8 = 4;

/// Tracks whether the tool is running.
#[derive(Debug)]
pub(crate) struct WorkOn {
    looked_at: Instant,
    empty_looks: u8,
    has_seen_tool: bool,
}

impl WorkOn {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            looked_at: now,
            empty_looks: 0,
            has_seen_tool: false,
        }
    }

    /// Records the current observation; returns whether it is the first one of the tool.
    pub(crate) const fn look(&mut self, tool: ToolLife, now: Instant) -> bool {
        self.looked_at = now;
        match tool {
            ToolLife::Runs => {
                self.empty_looks = 0;
                !std::mem::replace(&mut self.has_seen_tool, true)
            }
            ToolLife::NotSeen | ToolLife::Hidden => {
                self.empty_looks = self.empty_looks.saturating_add(1);
                false
            }
        }
    }

    /// Returns when to check next.
    pub(crate) fn next_look(&self) -> Instant {
        self.looked_at + LOOK_EVERY
    }

    /// Returns whether the tool is no longer among the remaining processes.
    pub(crate) const fn is_done(&self) -> bool {
        self.empty_looks >= EMPTY_LOOKS
    }

    /// Returns whether the tool has outlived the wrapper.
    pub(crate) const fn has_seen_tool(&self) -> bool {
        self.has_seen_tool
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ToolLife::{NotSeen, Runs};

    #[test]
    fn rest_is_done_when_several_looks_find_no_tool() {
        let start = Instant::now();
        let mut work = WorkOn::new(start);
        for (tool, is_first, is_done) in [
            (NotSeen, false, false),
            (NotSeen, false, false),
            (NotSeen, false, false),
            (Runs, true, false),
            (NotSeen, false, false),
            (Runs, false, false),
            (NotSeen, false, false),
            (NotSeen, false, false),
            (NotSeen, false, false),
            (NotSeen, false, true),
        ] {
            assert_eq!(work.look(tool, start), is_first);
            assert_eq!(work.is_done(), is_done);
            assert_eq!(work.next_look(), start + LOOK_EVERY);
        }
        assert!(work.has_seen_tool());
    }
}
