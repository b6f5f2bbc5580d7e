//! The one function that decides the next state of a session.
//!
//! ```text
//! initializing ─▶ cloning ─▶ init ─┬─▶ plan ─┬─▶ awaiting approval ─▶ check ─▶ apply ─▶ outputs ─▶ finished
//!                                  │         └─▶ outputs (nothing to apply) ────────────────────▶
//!                                  └─▶ validate ────────────────────────────────────────────────▶
//! ```
//!
//! From any state before its end, a session may fail or be stopped. Only `check` leads to `apply`, and no
//! transition leads back from `apply`: nothing that a driver does can apply a second time.

use super::event::{Changes, Decision, Event, FailureKind, StopEnd};
use super::state::{After, Charter, Stage, State, Stop};
use crate::session::{IllegalTransition, Operation, PlanDigest, Reason};

/// Returns the state after an event; on an error the state is unchanged.
pub(crate) fn transition(
    charter: Charter,
    state: &State,
    event: &Event,
) -> Result<State, IllegalTransition> {
    match state {
        State::Active { stage, stop } => active(charter, *stage, *stop, event),
        State::AwaitingApproval { digest, .. } => awaiting(digest, state, event),
        State::Finished(reason) => Err(IllegalTransition::Finished { reason: *reason }),
    }
}

fn awaiting(wanted: &PlanDigest, state: &State, event: &Event) -> Result<State, IllegalTransition> {
    match event {
        Event::Approved(decision) => {
            is_about(decision, wanted)?;
            // An approval that names no plan is not bound to anything.
            if decision.digest.is_none() {
                return Err(IllegalTransition::OtherDigest {
                    waiting: wanted.clone(),
                });
            }
            Ok(at(Stage::Check))
        }
        Event::Rejected(decision) => {
            is_about(decision, wanted)?;
            Ok(State::Finished(Reason::Rejected))
        }
        Event::Expired => Ok(State::Finished(Reason::Expired)),
        // Nothing runs, so the session ends at once.
        Event::StopRequested { .. } => Ok(State::Finished(Reason::Cancelled)),
        Event::Failed(failure) if failure.kind == FailureKind::Internal => {
            Ok(State::Finished(Reason::Internal))
        }
        Event::Prepared
        | Event::CheckedOut { .. }
        | Event::RunStarted { .. }
        | Event::Initialised { .. }
        | Event::Validated
        | Event::Planned(_)
        | Event::Applied { .. }
        | Event::OutputsRead { .. }
        | Event::Stopped { .. }
        | Event::Failed(_) => Err(out_of_place(state, event)),
    }
}

fn is_about(decision: &Decision, wanted: &PlanDigest) -> Result<(), IllegalTransition> {
    match &decision.digest {
        Some(digest) if digest != wanted => Err(IllegalTransition::OtherDigest {
            waiting: wanted.clone(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn active(
    charter: Charter,
    stage: Stage,
    stop: Option<Stop>,
    event: &Event,
) -> Result<State, IllegalTransition> {
    let here = State::Active { stage, stop };
    match event {
        Event::StopRequested { stop: wanted, .. } => Ok(State::Active {
            stage,
            stop: stop.max(Some(*wanted)),
        }),
        Event::Stopped { end, .. } => match stop {
            Some(_) => Ok(State::Finished(stopped(stage, *end))),
            None => Err(IllegalTransition::NotStopping),
        },
        Event::Failed(failure) => match failed(stage, failure.kind) {
            Some(reason) => Ok(State::Finished(reason)),
            None => Err(out_of_place(&here, event)),
        },
        Event::RunStarted { .. } => match (stage, stop) {
            (Stage::Init | Stage::Validate | Stage::Plan, None) => Ok(here),
            (Stage::Check, None) => Ok(at(Stage::Apply)),
            (Stage::Init | Stage::Validate | Stage::Plan | Stage::Check, Some(_)) => {
                Err(IllegalTransition::Stopping)
            }
            (Stage::Initializing | Stage::Cloning | Stage::Apply | Stage::Outputs(_), _) => {
                Err(out_of_place(&here, event))
            }
        },
        Event::Approved(_) | Event::Rejected(_) => Err(undecidable(stage)),
        Event::Expired => Err(out_of_place(&here, event)),
        Event::Prepared
        | Event::CheckedOut { .. }
        | Event::Initialised { .. }
        | Event::Validated
        | Event::Planned(_)
        | Event::Applied { .. }
        | Event::OutputsRead { .. } => match (done(charter, stage, event), stop, stage) {
            (None, _, _) => Err(out_of_place(&here, event)),
            // The apply completed anyway, and its outputs are useful.
            (Some(next), Some(_), Stage::Apply | Stage::Outputs(_)) => Ok(next),
            (Some(_), Some(_), _) => Ok(State::Finished(Reason::Cancelled)),
            (Some(next), None, _) => Ok(next),
        },
    }
}

/// Returns the state after a stage succeeded; `None` if the event belongs to another stage.
fn done(charter: Charter, stage: Stage, event: &Event) -> Option<State> {
    match (stage, event) {
        (Stage::Initializing, Event::Prepared) => Some(at(Stage::Cloning)),
        (Stage::Cloning, Event::CheckedOut { .. }) => Some(at(Stage::Init)),
        (Stage::Init, Event::Initialised { .. }) => Some(match charter.operation {
            Operation::Validate => at(Stage::Validate),
            Operation::Deploy | Operation::Plan | Operation::Destroy | Operation::Drift => {
                at(Stage::Plan)
            }
        }),
        (Stage::Validate, Event::Validated) => Some(State::Finished(Reason::Validated)),
        (Stage::Plan, Event::Planned(planned)) => {
            Some(match (charter.operation, planned.changes) {
                (Operation::Deploy | Operation::Destroy, Changes::Some) => {
                    State::AwaitingApproval {
                        digest: planned.digest.clone(),
                        deadline: planned.deadline,
                    }
                }
                (Operation::Deploy, Changes::None) => at(Stage::Outputs(After::NoChanges)),
                (Operation::Destroy | Operation::Plan, Changes::None) => {
                    State::Finished(Reason::NoChanges)
                }
                (Operation::Plan, Changes::Some) => State::Finished(Reason::Planned),
                (Operation::Drift, Changes::Some) => State::Finished(Reason::DriftFound),
                (Operation::Drift, Changes::None) => State::Finished(Reason::NoDrift),
                // Its configuration is validated, never planned.
                (Operation::Validate, Changes::Some | Changes::None) => return None,
            })
        }
        (Stage::Apply, Event::Applied { .. }) => Some(match charter.operation {
            Operation::Deploy => at(Stage::Outputs(After::Applied)),
            Operation::Destroy => State::Finished(Reason::Destroyed),
            // They have no stage in which to apply.
            Operation::Plan | Operation::Drift | Operation::Validate => return None,
        }),
        (Stage::Outputs(after), Event::OutputsRead { .. }) => Some(State::Finished(after.reason())),
        (
            Stage::Initializing
            | Stage::Cloning
            | Stage::Init
            | Stage::Validate
            | Stage::Plan
            | Stage::Check
            | Stage::Apply
            | Stage::Outputs(_),
            _,
        ) => None,
    }
}

/// Returns the reason for a session that was stopped in this stage.
const fn stopped(stage: Stage, end: StopEnd) -> Reason {
    match (stage, end) {
        // The operation had already completed.
        (Stage::Outputs(after), StopEnd::Graceful | StopEnd::Killed) => after.reason(),
        (_, StopEnd::Graceful) => Reason::Cancelled,
        (_, StopEnd::Killed) => Reason::Killed,
    }
}

/// Returns the reason for a session that failed in this stage; `None` if this kind of failure cannot occur there.
const fn failed(stage: Stage, kind: FailureKind) -> Option<Reason> {
    match (kind, stage) {
        (FailureKind::Internal, _) => Some(Reason::Internal),
        (FailureKind::Fault, Stage::Initializing) => Some(Reason::PreparationFailed),
        (FailureKind::Fault, Stage::Cloning) => Some(Reason::CheckoutFailed),
        (FailureKind::Fault, Stage::Init) => Some(Reason::InitFailed),
        (FailureKind::Fault, Stage::Validate) => Some(Reason::ValidateFailed),
        (FailureKind::Fault, Stage::Plan) => Some(Reason::PlanFailed),
        (FailureKind::Fault, Stage::Apply) => Some(Reason::ApplyFailed),
        (FailureKind::Void, Stage::Check) => Some(Reason::ApprovalVoid),
        (
            FailureKind::TimedOut,
            Stage::Initializing
            | Stage::Cloning
            | Stage::Init
            | Stage::Validate
            | Stage::Plan
            | Stage::Apply,
        ) => Some(Reason::TimedOut),
        (
            FailureKind::Interrupted,
            Stage::Initializing
            | Stage::Cloning
            | Stage::Init
            | Stage::Validate
            | Stage::Plan
            | Stage::Check
            | Stage::Apply,
        ) => Some(Reason::Interrupted),
        (FailureKind::Lost, Stage::Init | Stage::Validate | Stage::Plan | Stage::Apply) => {
            Some(Reason::Unknown)
        }
        // A failure to read outputs changes nothing of what was applied.
        (
            FailureKind::Fault
            | FailureKind::TimedOut
            | FailureKind::Interrupted
            | FailureKind::Lost,
            Stage::Outputs(_),
        )
        | (FailureKind::Fault | FailureKind::TimedOut | FailureKind::Lost, Stage::Check)
        | (
            FailureKind::Void,
            Stage::Initializing
            | Stage::Cloning
            | Stage::Init
            | Stage::Validate
            | Stage::Plan
            | Stage::Apply
            | Stage::Outputs(_),
        )
        | (FailureKind::Lost, Stage::Initializing | Stage::Cloning) => None,
    }
}

/// Returns why no decision is possible in this stage.
const fn undecidable(stage: Stage) -> IllegalTransition {
    match stage {
        Stage::Initializing | Stage::Cloning | Stage::Init | Stage::Validate | Stage::Plan => {
            IllegalTransition::NoPlanYet
        }
        Stage::Check | Stage::Apply | Stage::Outputs(After::Applied) => {
            IllegalTransition::AlreadyDecided
        }
        Stage::Outputs(After::NoChanges) => IllegalTransition::NothingToDecide,
    }
}

const fn at(stage: Stage) -> State {
    State::Active { stage, stop: None }
}

fn out_of_place(state: &State, event: &Event) -> IllegalTransition {
    IllegalTransition::OutOfPlace {
        event: event.word(),
        phase: state.phase(),
    }
}
