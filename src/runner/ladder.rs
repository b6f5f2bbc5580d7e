//! The stop ladder: when the tool is asked to stop, and when it is ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::StopReason;

/// How long after SIGKILL the tool is waited for. Only a process that hangs in a system call takes
/// longer than an instant.
const DEATH: Duration = Duration::from_secs(10);
/// How long is waited before SIGINT when the supervisor itself was signalled.
///
/// Whoever signals the supervisor may be signalling everything, as a service manager does at shutdown:
/// then the tool has had its one signal already, and says so within this time.
const SETTLING: Duration = Duration::from_millis(500);

/// What has to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The one SIGINT to the group.
    Interrupt(StopReason),
    /// SIGKILL to everything.
    Kill,
    /// The tool is not dying: go on without it.
    GiveUp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Running,
    Settling { until: Instant },
    Interrupted { until: Instant },
    Killed { until: Instant },
    GivenUp,
}

/// Where a run stands between running and ended.
///
/// Only ever goes down: the first reason stays the reason, there is one [`Step::Interrupt`] at most,
/// and after [`Step::Kill`] nothing but [`Step::GiveUp`].
#[derive(Debug)]
pub(super) struct Ladder {
    rung: Rung,
    reason: Option<StopReason>,
    timeout_at: Instant,
    grace: Duration,
}

impl Ladder {
    pub(super) fn new(now: Instant, timeout: Duration, grace: Duration) -> Self {
        Self {
            rung: Rung::Running,
            reason: None,
            timeout_at: now + timeout,
            grace,
        }
    }

    /// Asks for a graceful stop.
    pub(super) fn stop(&mut self, reason: StopReason, now: Instant) -> Option<Step> {
        match self.rung {
            Rung::Running => {
                self.reason = Some(reason);
                Some(self.interrupt(reason, now))
            }
            Rung::Settling { .. }
            | Rung::Interrupted { .. }
            | Rung::Killed { .. }
            | Rung::GivenUp => None,
        }
    }

    /// Asks for a graceful stop on account of a signal that the tool may have got as well.
    pub(super) fn stop_settling(&mut self, reason: StopReason, now: Instant) {
        if self.rung == Rung::Running {
            self.reason = Some(reason);
            self.rung = Rung::Settling {
                until: now + SETTLING,
            };
        }
    }

    /// Asks for the end at once.
    pub(super) fn force(&mut self, now: Instant) -> Option<Step> {
        match self.rung {
            Rung::Running | Rung::Settling { .. } | Rung::Interrupted { .. } => {
                self.reason.get_or_insert(StopReason::Cancel);
                Some(self.kill(now))
            }
            Rung::Killed { .. } | Rung::GivenUp => None,
        }
    }

    /// What is due at this moment, if anything.
    pub(super) fn due(&mut self, now: Instant) -> Option<Step> {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match self.rung {
            Rung::Running => self.stop(StopReason::Timeout, now),
            Rung::Settling { .. } => {
                let reason = self.reason.unwrap_or(StopReason::Cancel);
                Some(self.interrupt(reason, now))
            }
            Rung::Interrupted { .. } => Some(self.kill(now)),
            Rung::Killed { .. } => {
                self.rung = Rung::GivenUp;
                Some(Step::GiveUp)
            }
            Rung::GivenUp => None,
        }
    }

    /// When [`Ladder::due`] has to be asked next.
    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        match self.rung {
            Rung::Running => Some(self.timeout_at),
            Rung::Settling { until } | Rung::Interrupted { until } | Rung::Killed { until } => {
                Some(until)
            }
            Rung::GivenUp => None,
        }
    }

    /// Why the run was stopped, if it was.
    pub(super) const fn reason(&self) -> Option<StopReason> {
        self.reason
    }

    /// Whether SIGKILL was sent.
    pub(super) const fn killed(&self) -> bool {
        matches!(self.rung, Rung::Killed { .. } | Rung::GivenUp)
    }

    fn interrupt(&mut self, reason: StopReason, now: Instant) -> Step {
        self.rung = Rung::Interrupted {
            until: now + self.grace,
        };
        Step::Interrupt(reason)
    }

    fn kill(&mut self, now: Instant) -> Step {
        self.rung = Rung::Killed { until: now + DEATH };
        Step::Kill
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(100);
    const GRACE: Duration = Duration::from_secs(10);

    enum Event {
        Stop(StopReason),
        Signalled,
        Force,
        Nothing,
    }
    use Event::{Force, Nothing, Signalled, Stop};

    #[test]
    fn each_history_gives_its_steps_and_its_reason() {
        use StopReason::{Cancel, Disconnect, Timeout};
        type History = &'static [(u64, Event, Option<Step>)];
        let table: [(&str, History, Option<StopReason>, bool); 9] = [
            ("left alone", &[(99, Nothing, None)], None, false),
            (
                "timeout",
                &[(100, Nothing, Some(Step::Interrupt(Timeout)))],
                Some(Timeout),
                false,
            ),
            (
                "timeout, then grace, then a tool that does not die",
                &[
                    (100, Nothing, Some(Step::Interrupt(Timeout))),
                    (109, Nothing, None),
                    (110, Nothing, Some(Step::Kill)),
                    (120, Nothing, Some(Step::GiveUp)),
                    (999, Nothing, None),
                ],
                Some(Timeout),
                true,
            ),
            (
                "cancel twice is one signal",
                &[
                    (1, Stop(Cancel), Some(Step::Interrupt(Cancel))),
                    (2, Stop(Cancel), None),
                ],
                Some(Cancel),
                false,
            ),
            (
                "the first reason stays",
                &[
                    (1, Stop(Disconnect), Some(Step::Interrupt(Disconnect))),
                    (2, Stop(Cancel), None),
                    (3, Force, Some(Step::Kill)),
                    (4, Force, None),
                    (5, Stop(Cancel), None),
                ],
                Some(Disconnect),
                true,
            ),
            (
                "force at once",
                &[(1, Force, Some(Step::Kill))],
                Some(Cancel),
                true,
            ),
            (
                "a signalled supervisor waits a moment",
                &[
                    (1, Signalled, None),
                    (1, Nothing, None),
                    (2, Nothing, Some(Step::Interrupt(Cancel))),
                    (12, Nothing, Some(Step::Kill)),
                ],
                Some(Cancel),
                true,
            ),
            (
                "a cancel during that moment adds no signal",
                &[
                    (1, Signalled, None),
                    (1, Stop(Cancel), None),
                    (2, Nothing, Some(Step::Interrupt(Cancel))),
                    (3, Signalled, None),
                ],
                Some(Cancel),
                false,
            ),
            (
                "no timeout while stopping",
                &[
                    (95, Stop(Cancel), Some(Step::Interrupt(Cancel))),
                    (101, Nothing, None),
                    (105, Nothing, Some(Step::Kill)),
                ],
                Some(Cancel),
                true,
            ),
        ];
        for (name, history, reason, killed) in table {
            let start = Instant::now();
            let mut ladder = Ladder::new(start, TIMEOUT, GRACE);
            for (second, event, step) in history {
                let now = start + Duration::from_secs(*second);
                let got = match event {
                    Stop(reason) => ladder.stop(*reason, now),
                    Signalled => {
                        ladder.stop_settling(Cancel, now);
                        None
                    }
                    Force => ladder.force(now),
                    Nothing => ladder.due(now),
                };
                assert_eq!(got, *step, "{name} at {second} s");
            }
            assert_eq!(ladder.reason(), reason, "{name}");
            assert_eq!(ladder.killed(), killed, "{name}");
        }
    }
}
