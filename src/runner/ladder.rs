//! The stop ladder: when the tool is asked to stop, and when it is ended.

use std::time::Duration;

use tokio::time::Instant;

use crate::protocol::StopReason;

/// How long after SIGKILL the tool is waited for. Only a process that hangs in a system call takes
/// longer than an instant.
const DEATH: Duration = Duration::from_secs(10);
/// How long is waited before SIGINT when the front was signalled.
///
/// Whoever signals the front may be signalling everything, as a service manager does at shutdown. Then
/// the supervisor gets its own signal within this time.
const FRONT_SETTLING: Duration = Duration::from_millis(250);
/// How long is waited before SIGINT when the supervisor itself was signalled.
///
/// Then the tool has most likely had its one signal, too, and says so within this time, on a busy
/// machine as well.
const ALL_SETTLING: Duration = Duration::from_secs(2);

/// What has to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The one SIGINT to the tool.
    Interrupt(StopReason),
    /// The one SIGINT to what has outlived its leader; nothing asked for a stop.
    InterruptRest,
    /// SIGKILL to everything.
    Kill,
    /// The tool is not dying: go on without it.
    GiveUp,
}

/// How far a stop has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing asks the tool to stop.
    Running,
    /// It has to stop, and its grace is running.
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

/// Who was signalled, besides perhaps the tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signalled {
    /// The front.
    Front,
    /// The supervisor.
    Supervisor,
}

/// Why SIGKILL was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KillCause {
    /// The grace had run out.
    GraceRanOut,
    /// Somebody asked for force.
    Forced,
}

/// Where a run stands between running and ended.
///
/// Only ever goes down: the first reason stays the reason, there is one [`Step::Interrupt`] at most,
/// and after [`Step::Kill`] nothing but [`Step::GiveUp`].
#[derive(Debug)]
pub(super) struct Ladder {
    rung: Rung,
    reason: Option<StopReason>,
    killed: Option<KillCause>,
    timeout_at: Instant,
    grace: Duration,
}

impl Ladder {
    pub(super) fn new(now: Instant, timeout: Duration, grace: Duration) -> Self {
        Self {
            rung: Rung::Running,
            reason: None,
            killed: None,
            timeout_at: now + timeout,
            grace,
        }
    }

    /// Asks for a graceful stop.
    pub(super) fn stop(&mut self, reason: StopReason, now: Instant) -> Option<Step> {
        match self.rung {
            Rung::Running => {
                self.reason = Some(reason);
                self.rung = self.interrupted(now);
                Some(Step::Interrupt(reason))
            }
            Rung::Settling { .. } => {
                self.reason.get_or_insert(reason);
                None
            }
            Rung::Interrupted { .. } | Rung::Killed { .. } | Rung::GivenUp => None,
        }
    }

    /// Begins to stop what has outlived its leader, unless a stop is under way.
    ///
    /// What ended the leader may be a signal to everything, so the rest has time to say that it got it, too.
    pub(super) fn lose_leader(&mut self, now: Instant) {
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

    /// How far a stop has come.
    pub(super) const fn stage(&self) -> Stage {
        match self.rung {
            Rung::Running => Stage::Running,
            Rung::Settling { .. } | Rung::Interrupted { .. } => Stage::Stopping,
            Rung::Killed { .. } | Rung::GivenUp => Stage::Killed,
        }
    }

    /// Asks for a graceful stop on account of a signal that the tool may have got as well.
    pub(super) fn stop_settling(&mut self, signalled: Signalled, now: Instant) {
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

    /// Asks for the end at once.
    pub(super) fn force(&mut self, now: Instant) -> Option<Step> {
        match self.rung {
            Rung::Running | Rung::Settling { .. } | Rung::Interrupted { .. } => {
                self.reason.get_or_insert(StopReason::Cancel);
                Some(self.kill(KillCause::Forced, now))
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
                self.rung = self.interrupted(now);
                Some(self.reason.map_or(Step::InterruptRest, Step::Interrupt))
            }
            Rung::Interrupted { .. } => Some(self.kill(KillCause::GraceRanOut, now)),
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

    /// Why SIGKILL was sent, if it was.
    pub(super) const fn killed(&self) -> Option<KillCause> {
        self.killed
    }

    fn interrupted(&self, now: Instant) -> Rung {
        Rung::Interrupted {
            until: now + self.grace,
        }
    }

    fn kill(&mut self, cause: KillCause, now: Instant) -> Step {
        self.killed = Some(cause);
        self.rung = Rung::Killed { until: now + DEATH };
        Step::Kill
    }
}

#[cfg(test)]
mod tests {
    use super::KillCause::{Forced, GraceRanOut};
    use super::StopReason::{Cancel, Disconnect, Timeout};
    use super::*;

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

    /// Milliseconds, what happens then, and what is to be done.
    type History = &'static [(u64, Event, Option<Step>)];
    type Row = (&'static str, History, Option<StopReason>, Option<KillCause>);

    const TABLE: [Row; 15] = [
        ("left alone", &[(99_999, Nothing, None)], None, None),
        (
            "timeout",
            &[(100_000, Nothing, Some(Step::Interrupt(Timeout)))],
            Some(Timeout),
            None,
        ),
        (
            "timeout, then grace, then a tool that does not die",
            &[
                (100_000, Nothing, Some(Step::Interrupt(Timeout))),
                (109_999, Nothing, None),
                (110_000, Nothing, Some(Step::Kill)),
                (120_000, Nothing, Some(Step::GiveUp)),
                (999_000, Nothing, None),
            ],
            Some(Timeout),
            Some(GraceRanOut),
        ),
        (
            "cancel twice is one signal",
            &[
                (1000, Stop(Cancel), Some(Step::Interrupt(Cancel))),
                (2000, Stop(Cancel), None),
            ],
            Some(Cancel),
            None,
        ),
        (
            "the first reason stays",
            &[
                (1000, Stop(Disconnect), Some(Step::Interrupt(Disconnect))),
                (2000, Stop(Cancel), None),
                (3000, Force, Some(Step::Kill)),
                (4000, Force, None),
                (5000, Stop(Cancel), None),
            ],
            Some(Disconnect),
            Some(Forced),
        ),
        (
            "force at once",
            &[(1000, Force, Some(Step::Kill))],
            Some(Cancel),
            Some(Forced),
        ),
        (
            "a signalled front waits for the supervisor's signal",
            &[
                (1000, Signal(Signalled::Front), None),
                (1249, Nothing, None),
                (1250, Nothing, Some(Step::Interrupt(Cancel))),
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
                (3100, Nothing, Some(Step::Interrupt(Cancel))),
                (13_100, Nothing, Some(Step::Kill)),
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
                (3000, Nothing, Some(Step::Interrupt(Cancel))),
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
                (3000, Nothing, Some(Step::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "what outlives its leader is stopped for no reason of ours",
            &[
                (1000, LoseLeader, None),
                (2999, Nothing, None),
                (3000, Nothing, Some(Step::InterruptRest)),
                (13_000, Nothing, Some(Step::Kill)),
            ],
            None,
            Some(GraceRanOut),
        ),
        (
            "or for ours, if it comes meanwhile",
            &[
                (1000, LoseLeader, None),
                (1001, Signal(Signalled::Supervisor), None),
                (3001, Nothing, Some(Step::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "a cancel does not hasten it",
            &[
                (1000, LoseLeader, None),
                (1001, Stop(Cancel), None),
                (3000, Nothing, Some(Step::Interrupt(Cancel))),
            ],
            Some(Cancel),
            None,
        ),
        (
            "a leader that is lost in a stop changes nothing",
            &[
                (1000, Stop(Timeout), Some(Step::Interrupt(Timeout))),
                (1001, LoseLeader, None),
                (10_999, Nothing, None),
                (11_000, Nothing, Some(Step::Kill)),
            ],
            Some(Timeout),
            Some(GraceRanOut),
        ),
        (
            "no timeout while stopping",
            &[
                (95_000, Stop(Cancel), Some(Step::Interrupt(Cancel))),
                (101_000, Nothing, None),
                (105_000, Nothing, Some(Step::Kill)),
            ],
            Some(Cancel),
            Some(GraceRanOut),
        ),
    ];

    #[test]
    fn each_history_gives_its_steps_and_its_reason() {
        for (name, history, reason, killed) in TABLE {
            let start = Instant::now();
            let mut ladder = Ladder::new(start, TIMEOUT, GRACE);
            for (millisecond, event, step) in history {
                let now = start + Duration::from_millis(*millisecond);
                let got = match event {
                    Stop(reason) => ladder.stop(*reason, now),
                    Signal(signalled) => {
                        ladder.stop_settling(*signalled, now);
                        None
                    }
                    LoseLeader => {
                        ladder.lose_leader(now);
                        None
                    }
                    Force => ladder.force(now),
                    Nothing => ladder.due(now),
                };
                assert_eq!(got, *step, "{name} at {millisecond} ms");
            }
            assert_eq!(ladder.reason(), reason, "{name}");
            assert_eq!(ladder.killed(), killed, "{name}");
        }
    }
}
