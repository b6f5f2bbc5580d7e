//! The text of a result: outcome, exit code, and the sentence for a person.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::run_end::{KillCause, RunEnd};
use super::survivors;
use crate::process::Ended;
use crate::protocol::{
    Diagnosis, LockStatus, Outcome, PROTOCOL_VERSION, Request, RunResult, StateReport, StateSafety,
    StopReason,
};
use crate::runner::command::effect::takes_only_lock;
use crate::runner::command::leader::Leader;
use crate::runner::state_report::DamagedState;

/// When a run began and how long it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) duration: Duration,
}

/// Returns how a run ended, as one word.
///
/// A tool that was asked to stop but still completed its command has succeeded: "cancelled" would hide what was
/// created.
pub(crate) fn outcome(run_end: &RunEnd, success: bool) -> Outcome {
    match (success, run_end.killed, run_end.stop_reason) {
        (true, _, _) => Outcome::Succeeded,
        (false, Some(_), _) => Outcome::Killed,
        (false, None, Some(reason)) => reason.graceful_outcome(),
        (false, None, None) => Outcome::Failed,
    }
}

/// Inputs for the sentence of a result.
#[derive(Debug)]
pub(crate) struct SentenceInput<'a> {
    pub(crate) request: &'a Request,
    pub(crate) run_end: &'a RunEnd,
    pub(crate) outcome: Outcome,
    pub(crate) diagnosis: Option<&'a Diagnosis>,
    pub(crate) state: Option<&'a StateReport>,
}

/// Returns one sentence that tells the user what to do; empty on success.
pub(crate) fn error_message(ending: &SentenceInput<'_>) -> String {
    let request = ending.request;
    let command = format!("`{} {}`", request.tool, request.command);
    let mut sentence = match ending.outcome {
        Outcome::Succeeded => return String::new(),
        Outcome::TimedOut => format!(
            "{command} ran longer than its timeout of {} and was stopped gracefully; raise `timeout`, \
             or see in `output` what it waited for",
            shown(request.timeout())
        ),
        Outcome::Cancelled if ending.run_end.stop_reason == Some(StopReason::Disconnect) => {
            format!(
                "{command} was stopped gracefully because its caller had disconnected; \
             `on_disconnect: \"finish\"` would let it finish"
            )
        }
        Outcome::Cancelled => format!("{command} was cancelled and stopped gracefully"),
        Outcome::Killed => killed(&command, ending),
        Outcome::Failed | Outcome::NotStarted | Outcome::InvalidRequest | Outcome::Unknown => {
            failed(&command, ending)
        }
    };
    if let Some(state) = ending.state {
        add_state(&mut sentence, request, state);
    }
    if let Some(survivors) = survivors::sentence(&ending.run_end.survivors) {
        sentence.push_str("; ");
        sentence.push_str(&survivors);
    }
    sentence
}

fn failed(command: &str, ending: &SentenceInput<'_>) -> String {
    // A diagnosis of a signal names it and says that the runner did not send it.
    if let (Some(Ended::Signalled(_)), Some(diagnosis)) = (ending.run_end.ended, ending.diagnosis) {
        let left = if ending.run_end.left_running {
            "; it left processes running, which were ended"
        } else {
            ""
        };
        let lock = match ending.state {
            Some(state) if state.lock == LockStatus::Held => "",
            Some(_) if !takes_only_lock(&ending.request.command) => "",
            Some(_) | None => left_without_state(&ending.request.command),
        };
        return format!("{command} failed: {}{left}{lock}", diagnosis.message);
    }
    let how = match ending.run_end.ended {
        Some(Ended::Exited(code)) if ending.outcome == Outcome::Unknown => {
            format!("ended with exit code {code}")
        }
        Some(Ended::Exited(code)) => format!("failed with exit code {code}"),
        Some(signalled @ Ended::Signalled(_)) => {
            let name = signalled.signal_name().unwrap_or_default();
            format!("was ended by {name}, which did not come from iac-runner")
        }
        None => "could not be waited for".to_owned(),
    };
    let is_hidden = ending.run_end.leader == Leader::Wrapper
        && matches!(ending.run_end.ended, Some(Ended::Exited(0 | 2)));
    let whose = match (ending.run_end.has_tool_outlived, is_hidden) {
        (true, true) => ", which ended before the tool",
        (true, false) => {
            "; that is the exit code of the program in the tool's place, which ended before the tool"
        }
        (false, _) => "",
    };
    match ending.diagnosis {
        // The exit code is not the tool's.
        Some(diagnosis) if is_hidden => format!(
            "{command} {how} by the program in its place{whose}: {}; let the exit code of the tool through: start it \
             with `exec {} \"$@\"`, or use `set -o pipefail`",
            diagnosis.message, ending.request.tool
        ),
        Some(diagnosis) => format!("{command} {how}: {}{whose}", diagnosis.message),
        None => format!("{command} {how}; see `output`{whose}"),
    }
}

fn killed(command: &str, ending: &SentenceInput<'_>) -> String {
    let stopped = match ending.run_end.stop_reason {
        Some(StopReason::Timeout) => {
            format!("after its timeout of {}", shown(ending.request.timeout()))
        }
        Some(StopReason::Disconnect) => "after its reader went away".to_owned(),
        Some(StopReason::Cancel | StopReason::Other) | None => "after it was cancelled".to_owned(),
    };
    let why = match ending.run_end.killed {
        Some(KillCause::GraceRanOut) => format!(
            "{stopped} it did not end within its grace of {}",
            shown(ending.request.grace())
        ),
        Some(KillCause::Forced) | None => "force was asked for".to_owned(),
    };
    let left = match ending.state {
        Some(_) if !takes_only_lock(&ending.request.command) => {
            "; check the state before the next run"
        }
        Some(state) if state.lock == LockStatus::Held => "",
        Some(_) | None => left_without_state(&ending.request.command),
    };
    format!("{command} was killed: {why}{left}")
}

/// What a command that writes no state may leave when it is killed.
fn left_without_state(command: &str) -> &'static str {
    match command {
        // An `init` looks at the state of a backend that has changed.
        "plan" | "console" | "init" => "; a state lock that it took may still be held",
        // It keeps no state beyond its end.
        "test" => "; what it had created may still exist, and no state names it",
        _ => "",
    }
}

fn add_state(sentence: &mut String, request: &Request, state: &StateReport) {
    if let (StateSafety::ErroredFile, Some(file)) = (state.safety, &state.errored_state_file) {
        sentence.push_str(&format!(
            "; the state is in `{}` only: put it where it belongs with `{} state push`",
            file.display(),
            request.tool
        ));
    }
    if state.lock == LockStatus::Held {
        let id = state.lock_id.as_deref().unwrap_or("LOCK_ID");
        sentence.push_str(&format!(
            "; the state lock is held: once no other run uses the state, release it with `{} force-unlock {id}`",
            request.tool
        ));
    }
}

/// Adds what to do about a local state that is empty or cut.
pub(crate) fn add_damaged_state(sentence: &mut String, damaged: &DamagedState) {
    let path = damaged.path.display();
    sentence.push_str(&match &damaged.backup {
        Some(backup) => format!(
            "; `{path}` is empty or cut: the state of before this run may be in `{}`",
            backup.display()
        ),
        None => format!("; `{path}` is empty or cut: look for a backup beside it"),
    });
}

/// Formats a duration for a person.
fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 120.0 {
        format!("{} min", rounded(seconds / 60.0))
    } else {
        format!("{} s", rounded(seconds))
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Returns a result with nothing but its outcome and a sentence.
pub(crate) fn of_no_tool(
    outcome: Outcome,
    error_msg: String,
    started_at: DateTime<Utc>,
) -> RunResult<()> {
    RunResult {
        success: false,
        output: (),
        exit_code: 1,
        error_msg,
        started_at,
        ended_at: Utc::now(),
        outcome,
        stop_reason: None,
        signal: None,
        duration_ms: 0,
        output_bytes: 0,
        output_truncated: false,
        output_complete: true,
        output_file: None,
        diagnosis: None,
        state: None,
        sandbox: None,
        protocol: PROTOCOL_VERSION,
    }
}
