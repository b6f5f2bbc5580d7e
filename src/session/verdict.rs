//! From the result of a run to what happened to the session.

use super::event::{Failure, FailureKind, StopEnd};
use crate::protocol::{DiagnosisClass, Outcome, RunResult, StateReport, StopReason};

/// What the end of a run means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It did what it is there for.
    Done { state: Option<StateReport> },
    /// It did not.
    Failed(Failure),
    /// It was stopped.
    Stopped {
        end: StopEnd,
        error: String,
        state: Option<StateReport>,
    },
    /// It may be begun once more: it changed nothing that lasts and was cut off by no fault of its own.
    Again,
}

/// What kind of run it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It changes nothing outside of the session's directory, or does the same when it is run twice.
    Repeatable,
    /// It is never run twice.
    Once,
}

/// What the result of a run means for a session.
///
/// `may_repeat` says that a run of weight [`Weight::Repeatable`] has a further attempt left.
pub(super) fn verdict<O>(result: &RunResult<O>, weight: Weight, may_repeat: bool) -> Verdict {
    let failed = |kind| {
        Verdict::Failed(Failure {
            kind,
            error: sentence(result, weight),
            diagnosis: result.diagnosis.clone(),
            state: result.state.clone(),
        })
    };
    let stopped = |end| Verdict::Stopped {
        end,
        error: result.error_msg.clone(),
        state: result.state.clone(),
    };
    let again = may_repeat && weight == Weight::Repeatable;
    match (result.outcome, result.stop_reason) {
        (Outcome::Succeeded, _) => Verdict::Done {
            state: result.state.clone(),
        },
        // It was stopped before it had begun.
        (Outcome::NotStarted, Some(StopReason::Cancel)) => stopped(StopEnd::Graceful),
        (Outcome::TimedOut, _)
        | (Outcome::Killed | Outcome::NotStarted, Some(StopReason::Timeout)) => {
            failed(FailureKind::TimedOut)
        }
        (Outcome::NotStarted, Some(StopReason::Disconnect)) if again => Verdict::Again,
        (Outcome::Failed | Outcome::NotStarted | Outcome::InvalidRequest, _) => {
            failed(FailureKind::Fault)
        }
        (Outcome::Cancelled | Outcome::Killed, Some(StopReason::Disconnect)) if again => {
            Verdict::Again
        }
        (Outcome::Cancelled, _) => stopped(StopEnd::Graceful),
        (Outcome::Killed, _) => stopped(StopEnd::Killed),
        (Outcome::Unknown, _) if again => Verdict::Again,
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
    use serde_json::json;

    use super::*;

    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Done { .. } => "done",
            Verdict::Failed(failure) => match failure.kind {
                FailureKind::Fault => "fault",
                FailureKind::TimedOut => "timed out",
                FailureKind::Lost => "lost",
                FailureKind::Void | FailureKind::Interrupted | FailureKind::Internal => "other",
            },
            Verdict::Stopped { end, .. } => match end {
                StopEnd::Graceful => "stopped",
                StopEnd::Killed => "killed",
            },
            Verdict::Again => "again",
        }
    }

    #[test]
    fn each_end_of_a_run_means_something_for_a_plan_and_for_an_apply() {
        let table = [
            // outcome, stop_reason, of a plan, of an apply
            ("succeeded", None, "done", "done"),
            ("succeeded", Some("cancel"), "done", "done"),
            ("failed", None, "fault", "fault"),
            ("invalid_request", None, "fault", "fault"),
            ("not_started", None, "fault", "fault"),
            ("not_started", Some("cancel"), "stopped", "stopped"),
            ("not_started", Some("timeout"), "timed out", "timed out"),
            ("not_started", Some("disconnect"), "again", "fault"),
            ("timed_out", Some("timeout"), "timed out", "timed out"),
            ("cancelled", Some("cancel"), "stopped", "stopped"),
            ("cancelled", Some("disconnect"), "again", "stopped"),
            ("killed", Some("cancel"), "killed", "killed"),
            ("killed", Some("timeout"), "timed out", "timed out"),
            ("killed", Some("disconnect"), "again", "killed"),
            ("unknown", None, "again", "lost"),
        ];
        for (outcome, stop_reason, of_a_plan, of_an_apply) in table {
            let result: RunResult = serde_json::from_value(json!({
                "success": outcome == "succeeded", "output": "", "exit_code": 1, "error_msg": "e",
                "started_at": "2026-01-01T00:00:00Z", "ended_at": "2026-01-01T00:00:00Z",
                "outcome": outcome, "stop_reason": stop_reason, "signal": null, "duration_ms": 0,
                "output_bytes": 0, "output_truncated": false, "output_complete": true,
                "output_file": null, "diagnosis": null, "state": null, "protocol": 1,
            }))
            .unwrap();
            let plan = verdict(&result, Weight::Repeatable, true);
            let apply = verdict(&result, Weight::Once, false);
            assert_eq!(
                (word(&plan), word(&apply)),
                (of_a_plan, of_an_apply),
                "{outcome} {stop_reason:?}"
            );
        }
    }
}
