//! Log texts for events.

use crate::protocol::timestamp;
use crate::session::machine::event::{Decision, Event};
use crate::session::machine::state::{State, Stop};

/// Returns the log text for an event that led to this state, if it has one.
pub(super) fn of_event(event: &Event, state: &State, auto_approve: bool) -> Option<String> {
    match event {
        Event::Planned(planned) if !planned.warnings.is_empty() => {
            Some(format!("[warning: {}]", planned.warnings.join("; ")))
        }
        Event::OutputsRead { warnings } if !warnings.is_empty() => {
            Some(format!("[warning: {}]", warnings.join("; ")))
        }
        Event::Planned(_) => match state {
            State::AwaitingApproval { digest, deadline } if !auto_approve => Some(format!(
                "Plan {digest} waits for approval until {}",
                timestamp::format(*deadline)
            )),
            State::AwaitingApproval { .. } | State::Active { .. } | State::Finished(_) => None,
        },
        Event::Approved(decision) => Some(decided("approved", decision)),
        Event::Rejected(decision) => Some(decided("rejected", decision)),
        Event::Expired => Some("The plan was not approved in time".to_owned()),
        Event::StopRequested { stop, by } => Some(match stop {
            Stop::Cancel => format!("Cancel requested by {by}"),
            Stop::Force => format!("Forced cancel requested by {by}"),
        }),
        Event::Failed(failure) => Some(format!("Deployment failed: {}", failure.error)),
        Event::Stopped { error, .. } => Some(format!("Deployment stopped: {error}")),
        Event::Prepared
        | Event::CheckedOut { .. }
        | Event::RunStarted { .. }
        | Event::Initialised { .. }
        | Event::Validated
        | Event::Applied { .. }
        | Event::OutputsRead { .. } => None,
    }
}

fn decided(verdict: &str, decision: &Decision) -> String {
    if decision.comment.is_empty() {
        format!("Plan {verdict} by {}", decision.by)
    } else {
        format!("Plan {verdict} by {}: {}", decision.by, decision.comment)
    }
}
