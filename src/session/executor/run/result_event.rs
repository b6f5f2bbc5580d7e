//! Maps the result of a run to an event of the session.

use crate::protocol::{DiagnosisClass, Outcome, RunResult, StateReport, StopReason};
use crate::session::machine::event::{Failure, FailureKind, StopEnd};

/// What the end of a run means for the session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum StageResult {
    /// It succeeded.
    Done { state: Option<StateReport> },
    /// It failed.
    Failed(Failure),
    /// It was stopped.
    Stopped {
        end: StopEnd,
        error: String,
        state: Option<StateReport>,
    },
    /// It may be started again: it changed nothing permanent and was interrupted from outside.
    Again,
}

/// Whether a run may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It changes nothing outside of the session's directory, or is idempotent.
    Repeatable,
    /// It is never run twice.
    Once,
}

/// Returns what the result of a run means for a session.
///
/// `may_repeat` says that a run of weight [`Weight::Repeatable`] has another attempt left.
pub(crate) fn verdict<O>(result: &RunResult<O>, weight: Weight, may_repeat: bool) -> StageResult {
    let failed = |kind| {
        StageResult::Failed(Failure {
            kind,
            error: sentence(result, weight),
            diagnosis: result.diagnosis.clone(),
            state: result.state.clone(),
        })
    };
    let stopped = |end| StageResult::Stopped {
        end,
        error: result.error_msg.clone(),
        state: result.state.clone(),
    };
    let again = may_repeat && weight == Weight::Repeatable;
    match (result.outcome, result.stop_reason) {
        (Outcome::Succeeded, _) => StageResult::Done {
            state: result.state.clone(),
        },
        (Outcome::TimedOut, _)
        | (Outcome::Killed | Outcome::NotStarted, Some(StopReason::Timeout)) => {
            failed(FailureKind::TimedOut)
        }
        (
            Outcome::Cancelled | Outcome::Killed | Outcome::NotStarted,
            Some(StopReason::Disconnect),
        ) if again => StageResult::Again,
        // It was stopped before the tool was started.
        (Outcome::NotStarted, Some(StopReason::Cancel | StopReason::Disconnect)) => {
            stopped(StopEnd::Graceful)
        }
        (Outcome::Failed | Outcome::NotStarted | Outcome::InvalidRequest, _) => {
            failed(FailureKind::Fault)
        }
        (Outcome::Cancelled, _) => stopped(StopEnd::Graceful),
        (Outcome::Killed, _) => stopped(StopEnd::Killed),
        (Outcome::Unknown, _) if again => StageResult::Again,
        (Outcome::Unknown, _) => failed(FailureKind::Lost),
    }
}

fn sentence<O>(result: &RunResult<O>, weight: Weight) -> String {
    let stale = result
        .diagnosis
        .as_ref()
        .is_some_and(|diagnosis| diagnosis.class == DiagnosisClass::StalePlan);
    match (result.outcome, weight) {
        (Outcome::NotStarted | Outcome::InvalidRequest, Weight::Once) => {
            format!("{}; nothing was applied", result.error_msg)
        }
        (_, Weight::Once) if stale => format!(
            "{}; the state has changed since the plan was made, so nothing was applied: start a new deployment",
            result.error_msg
        ),
        (_, Weight::Once | Weight::Repeatable) => result.error_msg.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Outcome and stop reason, then the meaning for a repeatable run with attempts left, for one without, and for
    /// an apply.
    const TABLE: &str = "
succeeded       -          | done | done | done
succeeded       cancel     | done | done | done
failed          -          | fault | fault | fault
failed          cancel     | fault | fault | fault
timed_out       timeout    | timed_out | timed_out | timed_out
killed          timeout    | timed_out | timed_out | timed_out
killed          cancel     | killed | killed | killed
killed          disconnect | again | killed | killed
cancelled       cancel     | graceful | graceful | graceful
cancelled       disconnect | again | graceful | graceful
not_started     -          | fault | fault | fault
not_started     cancel     | graceful | graceful | graceful
not_started     disconnect | again | graceful | graceful
not_started     timeout    | timed_out | timed_out | timed_out
invalid_request -          | fault | fault | fault
unknown         -          | again | lost | lost
unknown         cancel     | again | lost | lost
";

    fn result(outcome: &str, stop_reason: &str) -> RunResult {
        let stop_reason = (stop_reason != "-").then_some(stop_reason);
        serde_json::from_value(serde_json::json!({
            "success": outcome == "succeeded", "output": "", "exit_code": 1, "error_msg": "it ended",
            "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:00Z",
            "outcome": outcome, "stop_reason": stop_reason, "signal": null, "duration_ms": 1,
            "output_bytes": 0, "output_truncated": false, "output_complete": true, "output_file": null,
            "diagnosis": null, "state": null, "protocol": 1,
        }))
        .unwrap()
    }

    fn word(verdict: &StageResult) -> &'static str {
        match verdict {
            StageResult::Done { .. } => "done",
            StageResult::Again => "again",
            StageResult::Stopped { end, .. } => match end {
                StopEnd::Graceful => "graceful",
                StopEnd::Killed => "killed",
            },
            StageResult::Failed(failure) => match failure.kind {
                FailureKind::Fault => "fault",
                FailureKind::TimedOut => "timed_out",
                FailureKind::Lost => "lost",
                FailureKind::Void | FailureKind::Interrupted | FailureKind::Internal => "other",
            },
        }
    }

    #[test]
    fn each_end_of_a_run_means_what_the_table_says() {
        for line in TABLE.lines().filter(|line| !line.is_empty()) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let (outcome, stop_reason) = cells[0].split_once(' ').unwrap();
            let result = result(outcome, stop_reason.trim());
            let ways = [
                (Weight::Repeatable, true),
                (Weight::Repeatable, false),
                (Weight::Once, true),
            ];
            for ((weight, may_repeat), expected) in ways.into_iter().zip(&cells[1..]) {
                let found = verdict(&result, weight, may_repeat);
                assert_eq!(word(&found), *expected, "{line}: {weight:?} {may_repeat}");
            }
        }
    }

    #[test]
    fn an_apply_that_did_not_start_says_that_nothing_was_applied() {
        let StageResult::Failed(failure) =
            verdict(&result("not_started", "-"), Weight::Once, false)
        else {
            panic!("it failed");
        };
        assert_eq!(failure.error, "it ended; nothing was applied");
    }
}
