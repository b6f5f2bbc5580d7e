//! Duration of each phase of one deployment.

use std::time::Duration;

use chrono::{DateTime, Utc};
use iac_runner::session::{Phase, PhaseTimes, Snapshot};

/// What a session does not report at its end: since when its plan waited for approval.
#[derive(Clone, Copy, Debug, Default)]
pub struct PhaseTimer {
    waited_since: Option<DateTime<Utc>>,
}

impl PhaseTimer {
    /// Takes in a snapshot of a session. `patience` is how long a plan waits.
    pub fn see(&mut self, now: &Snapshot, patience: Duration) {
        if self.waited_since.is_none() {
            self.waited_since = now.approval_deadline.map(|deadline| deadline - patience);
        }
    }

    /// Returns the phases of an ended session, with the seconds that each took.
    pub(super) fn phases(&self, end: &Snapshot) -> Vec<(&'static str, f64)> {
        split(&end.phases, self.waited_since)
    }
}

/// Splits the wait for approval from the phase `plan`, because it would hide how long plans take.
fn split(phases: &[PhaseTimes], waited_since: Option<DateTime<Utc>>) -> Vec<(&'static str, f64)> {
    let mut times = Vec::new();
    for it in phases {
        let (phase, Some(ended_at)) = (it.phase, it.ended_at) else {
            continue;
        };
        match (phase, waited_since) {
            (Phase::Completed, _) => {}
            (Phase::Plan, Some(since)) => {
                // The clock may have been changed meanwhile.
                let since = since.clamp(it.started_at, ended_at.max(it.started_at));
                times.push((phase.word(), seconds(it.started_at, since)));
                times.push(("approval", seconds(since, ended_at)));
            }
            _ => times.push((phase.word(), seconds(it.started_at, ended_at))),
        }
    }
    times
}

/// Returns the seconds between two times; zero if the clock went back.
pub(super) fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).to_std().unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn times(phase: Phase, from: i64, to: Option<i64>) -> PhaseTimes {
        PhaseTimes {
            phase,
            started_at: at(from),
            ended_at: to.map(at),
        }
    }

    #[test]
    fn the_wait_for_an_approval_is_no_part_of_the_plan() {
        let phases = [
            times(Phase::Init, 0, Some(3)),
            times(Phase::Plan, 3, Some(100)),
            times(Phase::Apply, 100, Some(99)),
            times(Phase::Completed, 100, None),
        ];
        let table = [
            (None, vec![("init", 3.0), ("plan", 97.0), ("apply", 0.0)]),
            (
                Some(10),
                vec![
                    ("init", 3.0),
                    ("plan", 7.0),
                    ("approval", 90.0),
                    ("apply", 0.0),
                ],
            ),
            (
                Some(-5),
                vec![
                    ("init", 3.0),
                    ("plan", 0.0),
                    ("approval", 97.0),
                    ("apply", 0.0),
                ],
            ),
        ];
        for (waited_since, expected) in table {
            assert_eq!(split(&phases, waited_since.map(at)), expected);
        }
    }
}
