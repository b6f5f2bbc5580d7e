//! The steps of a stop: decides when the tool is asked to stop, and when it is killed.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::StopReason;
use crate::runner::result::run_end::KillCause;

/// How long to wait for the tool after SIGKILL. Only a process that hangs in a system call takes longer than an
/// instant.
const DEATH: Duration = Duration::from_secs(10);
/// Delay before SIGINT when the front was signalled.
///
/// The sender may be signalling everything, as a service manager does at shutdown. Then the supervisor gets its own
/// signal within this time.
const FRONT_SETTLING: Duration = Duration::from_millis(250);
/// Delay before SIGINT when the supervisor itself was signalled.
///
/// Then the tool has most likely received its one signal too, and reports it within this time, even on a busy
/// machine.
const ALL_SETTLING: Duration = Duration::from_secs(2);

/// The next action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send the one SIGINT to the tool.
    Interrupt(StopReason),
    /// Send the one SIGINT to processes that outlived their leader; no stop was requested.
    InterruptRest,
    /// Send SIGKILL to everything.
    Kill,
    /// The tool does not die: continue without it.
    GiveUp,
}

/// The progress of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopStage {
    /// No stop is in progress.
    Running,
    /// The tool has to stop, and its grace period is running.
    Stopping,
    /// SIGKILL was sent.
    Killed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Running,
    Settling { until: Instant },
    Interrupted { until: Instant },
    Killed { until: Instant },
    GivenUp,
}

/// The process that was signalled, possibly besides the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signalled {
    /// The front.
    Front,
    /// The supervisor.
    Supervisor,
}

/// The state of a run between running and ended.
///
/// It only moves down: the first reason is kept, there is at most one [`Action::Interrupt`], and after [`Action::Kill`]
/// only [`Action::GiveUp`].
#[derive(Debug)]
pub(crate) struct Escalation {
    rung: Rung,
    reason: Option<StopReason>,
    killed: Option<KillCause>,
    timeout_at: Instant,
    grace: Duration,
}

impl Escalation {
    pub(crate) fn new(now: Instant, timeout: Duration, grace: Duration) -> Self {
        Self {
            rung: Rung::Running,
            reason: None,
            killed: None,
            timeout_at: now + timeout,
            grace,
        }
    }

    /// Asks for a graceful stop.
    pub(crate) fn stop(&mut self, reason: StopReason, now: Instant) -> Option<Action> {
        match self.rung {
            Rung::Running => {
                self.reason = Some(reason);
                self.rung = self.interrupted(now);
                Some(Action::Interrupt(reason))
            }
            Rung::Settling { .. } => {
                self.reason.get_or_insert(reason);
                None
            }
            Rung::Interrupted { .. } | Rung::Killed { .. } | Rung::GivenUp => None,
        }
    }

    /// Begins to stop processes that outlived their leader, unless a stop is in progress.
    ///
    /// The leader may have been ended by a signal to everything, so the other processes get time to report that
    /// they received it too.
    pub(crate) fn lose_leader(&mut self, now: Instant) {
        match self.rung {
            Rung::Running => {
                self.rung = Rung::Settling {
                    until: now + ALL_SETTLING,
                };
            }
            Rung::Settling { .. }
            | Rung::Interrupted { .. }
            | Rung::Killed { .. }
            | Rung::GivenUp => {}
        }
    }

    /// Returns the progress of a stop.
    pub(crate) const fn stage(&self) -> StopStage {
        match self.rung {
            Rung::Running => StopStage::Running,
            Rung::Settling { .. } | Rung::Interrupted { .. } => StopStage::Stopping,
            Rung::Killed { .. } | Rung::GivenUp => StopStage::Killed,
        }
    }

    /// Asks for a graceful stop because of a signal that the tool may have received as well.
    pub(crate) fn stop_settling(&mut self, signalled: Signalled, now: Instant) {
        let settled = now
            + match signalled {
                Signalled::Front => FRONT_SETTLING,
                Signalled::Supervisor => ALL_SETTLING,
            };
        match self.rung {
            Rung::Running => {
                self.reason = Some(StopReason::Cancel);
                self.rung = Rung::Settling { until: settled };
            }
            Rung::Settling { until } => {
                self.reason.get_or_insert(StopReason::Cancel);
                self.rung = Rung::Settling {
                    until: until.max(settled),
                };
            }
            Rung::Interrupted { .. } | Rung::Killed { .. } | Rung::GivenUp => {}
        }
    }

    /// Asks for an immediate end.
    pub(crate) fn force(&mut self, now: Instant) -> Option<Action> {
        match self.rung {
            Rung::Running | Rung::Settling { .. } | Rung::Interrupted { .. } => {
                self.reason.get_or_insert(StopReason::Cancel);
                Some(self.kill(KillCause::Forced, now))
            }
            Rung::Killed { .. } | Rung::GivenUp => None,
        }
    }

    /// Returns the step that is due now, if any.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Action> {
        if self.next_deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        match self.rung {
            Rung::Running => self.stop(StopReason::Timeout, now),
            Rung::Settling { .. } => {
                self.rung = self.interrupted(now);
                Some(self.reason.map_or(Action::InterruptRest, Action::Interrupt))
            }
            Rung::Interrupted { .. } => Some(self.kill(KillCause::GraceRanOut, now)),
            Rung::Killed { .. } => {
                self.rung = Rung::GivenUp;
                Some(Action::GiveUp)
            }
            Rung::GivenUp => None,
        }
    }

    /// Returns when [`Escalation::due`] has to be called next.
    pub(crate) const fn next_deadline(&self) -> Option<Instant> {
        match self.rung {
            Rung::Running => Some(self.timeout_at),
            Rung::Settling { until } | Rung::Interrupted { until } | Rung::Killed { until } => {
                Some(until)
            }
            Rung::GivenUp => None,
        }
    }

    /// Returns why the run was stopped, if it was.
    pub(crate) const fn reason(&self) -> Option<StopReason> {
        self.reason
    }

    /// Returns why SIGKILL was sent, if it was.
    pub(crate) const fn killed(&self) -> Option<KillCause> {
        self.killed
    }

    fn interrupted(&self, now: Instant) -> Rung {
        Rung::Interrupted {
            until: now + self.grace,
        }
    }

    fn kill(&mut self, cause: KillCause, now: Instant) -> Action {
        self.killed = Some(cause);
        self.rung = Rung::Killed { until: now + DEATH };
        Action::Kill
    }
}

#[cfg(test)]
mod tests {
    use super::StopReason::{Cancel, Disconnect, Timeout};
    use super::*;
    use crate::runner::result::run_end::KillCause::{Forced, GraceRanOut};

    const TIMEOUT: Duration = Duration::from_secs(100);
    const GRACE: Duration = Duration::from_secs(10);

    enum Event {
        Stop(StopReason),
        Signal(Signalled),
        LoseLeader,
        Force,
        Nothing,
    }
    use Event::{Force, LoseLeader, Nothing, Signal, Stop};

    /// Milliseconds, the event at that time, and the expected step.
    type History = &'static [(u64, Event, Option<Action>)];
    type Row = (&'static str, History, Option<StopReason>, Option<KillCause>);

    const TABLE: [Row; 15] = [
        ("left alone", &[(99_999, Nothing, None)], None, None),
        (
            "timeout",
            &[(100_000, Nothing, Some(Action::Interrupt(Timeout)))],
            Some(Timeout),
            None,
        ),
        (
            "timeout, then grace, then a tool that does not die",
            &[
                (100_000, Nothing, Some(Action::Interrupt(Timeout))),
                (109_999, Nothing, None),
                (110_000, Nothing, Some(Action::Kill)),
                (120_000, Nothing, Some(Action::GiveUp)),
                (999_000, Nothing, None),
            ],
            Some(Timeout),
            Some(GraceRanOut),
        ),
        (
            "cancel twice is one signal",
            &[
                (1000, Stop(Cancel), Some(Action::Interrupt(Cancel))),
                (2000, Stop(Cancel), None),
            ],
            Some(Cancel),
            None,
        ),
        (
            "the first reason stays",
            &[
                (1000, Stop(Disconnect), Some(Action::Interrupt(Disconnect))),
                (2000, Stop(Cancel), None),
                (3000, Force, Some(Action::Kill)),
                (4000, Force, None),
                (5000, Stop(Cancel), None),
            ],
            Some(Disconnect),
            Some(Forced),
        ),
        (
            "force at once",
            &[(1000, Force, Some(Action::Kill))],
            Some(Cancel),
            Some(Forced),
        ),
        (
            "a signalled front waits for the supervisor's signal",
            &[
                (1000, Signal(Signalled::Front), None),
                (1249, Nothing, None),
                (1250, Nothing, Some(Action::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "and when that comes, for the tool",
            &[
                (1000, Signal(Signalled::Front), None),
                (1100, Signal(Signalled::Supervisor), None),
                (3099, Nothing, None),
                (3100, Nothing, Some(Action::Interrupt(Cancel))),
                (13_100, Nothing, Some(Action::Kill)),
            ],
            Some(Cancel),
            Some(GraceRanOut),
        ),
        (
            "in the other order, too",
            &[
                (1000, Signal(Signalled::Supervisor), None),
                (1100, Signal(Signalled::Front), None),
                (2999, Nothing, None),
                (3000, Nothing, Some(Action::Interrupt(Cancel))),
                (3001, Signal(Signalled::Supervisor), None),
                (9000, Nothing, None),
            ],
            Some(Cancel),
            None,
        ),
        (
            "a cancel meanwhile adds no signal",
            &[
                (1000, Signal(Signalled::Supervisor), None),
                (1001, Stop(Cancel), None),
                (3000, Nothing, Some(Action::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "what outlives its leader is stopped for no reason of ours",
            &[
                (1000, LoseLeader, None),
                (2999, Nothing, None),
                (3000, Nothing, Some(Action::InterruptRest)),
                (13_000, Nothing, Some(Action::Kill)),
            ],
            None,
            Some(GraceRanOut),
        ),
        (
            "or for ours, if it comes meanwhile",
            &[
                (1000, LoseLeader, None),
                (1001, Signal(Signalled::Supervisor), None),
                (3001, Nothing, Some(Action::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "a cancel does not hasten it",
            &[
                (1000, LoseLeader, None),
                (1001, Stop(Cancel), None),
                (3000, Nothing, Some(Action::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "a leader that is lost in a stop changes nothing",
            &[
                (1000, Stop(Timeout), Some(Action::Interrupt(Timeout))),
                (1001, LoseLeader, None),
                (10_999, Nothing, None),
                (11_000, Nothing, Some(Action::Kill)),
            ],
            Some(Timeout),
            Some(GraceRanOut),
        ),
        (
            "no timeout while stopping",
            &[
                (95_000, Stop(Cancel), Some(Action::Interrupt(Cancel))),
                (101_000, Nothing, None),
                (105_000, Nothing, Some(Action::Kill)),
            ],
            Some(Cancel),
            Some(GraceRanOut),
        ),
    ];

    #[test]
    fn each_history_gives_its_steps_and_its_reason() {
        for (name, history, reason, killed) in TABLE {
            let start = Instant::now();
            let mut escalation = Escalation::new(start, TIMEOUT, GRACE);
            for (millisecond, event, step) in history {
                let now = start + Duration::from_millis(*millisecond);
                let got = match event {
                    Stop(reason) => escalation.stop(*reason, now),
                    Signal(signalled) => {
                        escalation.stop_settling(*signalled, now);
                        None
                    }
                    LoseLeader => {
                        escalation.lose_leader(now);
                        None
                    }
                    Force => escalation.force(now),
                    Nothing => escalation.due(now),
                };
                assert_eq!(got, *step, "{name} at {millisecond} ms");
            }
            assert_eq!(escalation.reason(), reason, "{name}");
            assert_eq!(escalation.killed(), killed, "{name}");
        }
    }
}
