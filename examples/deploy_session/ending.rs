//! Prints the outputs and the result; returns the exit status.

use std::io::{self, Write};

use iac_runner::protocol::{LockStatus, StateReport, StateSafety, exit_status as status};
use iac_runner::session::{Output, Reason, Session, Snapshot};

use crate::screen::Screen;

/// Prints the outputs on stdout, one a line.
pub(crate) fn show_outputs(session: &Session, show_sensitive: bool, screen: &mut Screen) {
    let Some(outputs) = session.outputs() else {
        return;
    };
    for (name, output) in outputs.iter() {
        let value = match outputs.expose_sensitive(name) {
            Ok(value) if show_sensitive || !output.sensitive => value.to_string(),
            Err(fault) if show_sensitive => {
                screen.say(&fault.to_string());
                masked(output)
            }
            Ok(_) | Err(_) => masked(output),
        };
        // An error means that stdout is closed: the outputs are not wanted.
        let _ = writeln!(io::stdout(), "{name} = {value}");
    }
}

/// Returns `(sensitive value)` without quotes.
fn masked(output: &Output) -> String {
    output.value.as_str().unwrap_or_default().to_owned()
}

/// Reports how the session ended, and what to do about it.
pub(crate) fn show_end(session: &Session, ended: &Snapshot, screen: &mut Screen) {
    let sentence = ended.reason.map_or("it is not over", sentence);
    let tool = ended.tool.product();
    screen.say(&format!(
        "\n{tool}, {}: {sentence}.",
        ended.operation.word()
    ));
    if !ended.error.is_empty() {
        screen.say(&ended.error);
    }
    if let Some(state) = &ended.state {
        screen.say(&told_of(state));
    }
    screen.say(&format!("Log and plan: {}", session.dir().display()));
}

/// Returns the runner's exit status for this end.
pub(crate) fn exit_status(ended: &Snapshot) -> u8 {
    let Some(reason) = ended.reason else {
        return status::INTERNAL_FAULT;
    };
    match reason {
        Reason::Applied
        | Reason::Destroyed
        | Reason::Planned
        | Reason::NoChanges
        | Reason::Validated
        | Reason::DriftFound
        | Reason::NoDrift => status::SUCCESS,
        Reason::PreparationFailed
        | Reason::CheckoutFailed
        | Reason::InitFailed
        | Reason::ValidateFailed
        | Reason::PlanFailed
        | Reason::ApprovalVoid
        | Reason::ApplyFailed
        | Reason::Interrupted => status::TOOL_FAILED,
        Reason::TimedOut => status::TIMED_OUT,
        Reason::Rejected | Reason::Expired | Reason::Cancelled | Reason::Killed => {
            status::CANCELLED_OR_KILLED
        }
        Reason::Unknown => status::UNKNOWN,
        Reason::Internal => status::INTERNAL_FAULT,
    }
}

const fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::Applied => "the plan was applied",
        Reason::Destroyed => "everything in the state was destroyed",
        Reason::Planned => "there is a plan with changes",
        Reason::NoChanges => "there is nothing to change",
        Reason::Validated => "the configuration is valid",
        Reason::DriftFound => "what exists differs from the state",
        Reason::NoDrift => "what exists is as the state has it",
        Reason::Rejected => "the plan was rejected, nothing was applied",
        Reason::Expired => "there was no decision in time, nothing was applied",
        Reason::Cancelled => "it was cancelled",
        Reason::Killed => "it was cancelled, and the tool had to be killed",
        Reason::PreparationFailed => "it could not be prepared",
        Reason::CheckoutFailed => "the source could not be fetched",
        Reason::InitFailed => "init failed",
        Reason::ValidateFailed => "the configuration is not valid",
        Reason::PlanFailed => "plan failed",
        Reason::ApprovalVoid => "what was approved is not what is there, nothing was applied",
        Reason::ApplyFailed => "apply failed",
        Reason::TimedOut => "a command ran into its timeout",
        Reason::Interrupted => "the process that held it ended, nothing was applied",
        Reason::Unknown => {
            "it cannot be known how it ended; look at the state before anything else"
        }
        Reason::Internal => "the session could not do its own part",
    }
}

fn told_of(state: &StateReport) -> String {
    let safety = match state.safety {
        StateSafety::Saved => "all that was done is recorded",
        StateSafety::Partial => "what was in flight may be missing",
        StateSafety::ErroredFile => "it is only in a file that has to be pushed by hand",
        StateSafety::Unknown => "it is not known whether all is recorded",
    };
    let lock = match state.lock {
        LockStatus::Released => "its lock is released",
        LockStatus::Held => "its lock is still held",
        LockStatus::Unknown => "nothing is known of its lock",
    };
    let file = state.errored_state_file.as_ref();
    let file = file.map(|file| format!("; `{}`", file.display()));
    format!("State: {safety}; {lock}{}", file.unwrap_or_default())
}
