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
        (Outcome::Failed | Outcome::NotStarted | Outcome::InvalidRequest, _) => {
            failed(FailureKind::Fault)
        }
        (Outcome::TimedOut, _) | (Outcome::Killed, Some(StopReason::Timeout)) => {
            failed(FailureKind::TimedOut)
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
