//! From how a run ended to what its result says.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::Utc;

use super::diagnosis;
use super::document::{self, Ending, Times};
use super::effect::{Effect, effect_of};
use super::flags;
use super::leader::Leader;
use super::oom::Kill;
use super::preparation::Environment;
use super::printed::Printed;
use super::run_dir::DISK_PATIENCE;
use super::state_report::{self, Before, Files, ToolEnd, WorkPlace};
use super::supervision::Outlived;
use crate::process::{Ended, within};
use crate::protocol::{
    Diagnosis, DiagnosisClass, Outcome, PROTOCOL_VERSION, Request, RunResult, StateReport,
};

/// A run that has taken place.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) request: &'a Request,
    pub(super) environment: &'a Environment,
    pub(super) work_dir: &'a Path,
    pub(super) outlived: &'a Outlived,
    pub(super) times: Times,
    /// The files before it started.
    pub(super) before: &'a Before,
    /// Whether the kernel ended a process because memory ran out.
    pub(super) oom: Kill,
}

/// What is to be said of it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) success: bool,
    diagnosis: Option<Diagnosis>,
    state: Option<StateReport>,
    error_msg: String,
}

/// Judges a run by how it ended and by the end of its output.
pub(super) fn verdict(run: &Run<'_>, tail: &str) -> Verdict {
    let (request, outlived) = (run.request, run.outlived);
    let cli_args = cli_args(run);
    let answered = outlived
        .ended
        .is_some_and(|ended| document::is_success(request, ended, &cli_args));
    let is_denied = answered && is_denied(run, tail);
    let success = answered && !is_denied && !plan_file_is_empty(run);
    let outcome = document::outcome(outlived, success);
    let diagnosis = match (success, answered) {
        (true, _) => None,
        (false, true) if !is_denied => Some(empty_plan_file()),
        // What the last words of a tool that outlived its wrapper mean is not known, if they name no error.
        (false, _) => diagnose(run, is_denied, tail)
            .filter(|found| !(outlived.has_tool_outlived && found.class == DiagnosisClass::Other)),
    };
    let state = state(run, tail);
    let error_msg = document::error_message(&Ending {
        request,
        outlived,
        outcome,
        diagnosis: diagnosis.as_ref(),
        state: state.as_ref(),
    });
    Verdict {
        outcome,
        success,
        diagnosis,
        state,
        error_msg,
    }
}

/// Whether the command did not do what was asked, although the wrapper in the tool's place exits with 0, as a
/// pipe does whose last program is fine.
fn is_denied(run: &Run<'_>, tail: &str) -> bool {
    let (request, outlived) = (run.request, run.outlived);
    match (outlived.leader, effect_of(&request.command, &request.args)) {
        (Leader::Tool, _) => false,
        (Leader::Wrapper, Effect::State) => {
            let printed = Printed::of(tail, &request.args);
            let words = state_report::Words::of(&printed);
            !words.is_complete
                && (outlived.stop_reason.is_some()
                    || outlived.has_tool_outlived
                    || words.has_closed_with_error)
        }
        (Leader::Wrapper, Effect::Nothing | Effect::Other) => outlived.hides_end_of_tool(),
    }
}

/// Whether `plan` left an empty file where its plan should be.
///
/// On a full disk both tools say "Saved the plan" and exit with 0, and the file is empty.
fn plan_file_is_empty(run: &Run<'_>) -> bool {
    let out = flags::value(&run.request.args, "out").filter(|path| !path.is_empty());
    let (Some(out), "plan") = (out, run.request.command.as_str()) else {
        return false;
    };
    let path = run.work_dir.join(out);
    let found = within(DISK_PATIENCE, || fs::metadata(path));
    matches!(found, Some(Ok(file)) if file.is_file() && file.len() == 0)
}

fn empty_plan_file() -> Diagnosis {
    Diagnosis {
        class: DiagnosisClass::OutOfDisk,
        message: "the tool said that it saved the plan, and the plan file is empty: free some disk space \
                  and plan again"
            .to_owned(),
        retryable: false,
    }
}

/// The arguments that the tool takes from its environment.
fn cli_args(run: &Run<'_>) -> Vec<Vec<String>> {
    let by_command = format!("TF_CLI_ARGS_{}", run.request.command.replace('-', "_"));
    ["TF_CLI_ARGS", &by_command]
        .into_iter()
        .filter_map(|name| run.environment.get(name))
        .map(|args| args.split_ascii_whitespace().map(str::to_owned).collect())
        .collect()
}

fn diagnose(run: &Run<'_>, is_denied: bool, tail: &str) -> Option<Diagnosis> {
    if let (Some(Ended::Signalled(_)), Some(_)) = (run.outlived.ended, run.outlived.stop_reason) {
        // Our own signal is no fault of the tool.
        return None;
    }
    let observed = diagnosis::Observed {
        tool: run.request.tool,
        command: &run.request.command,
        args: &run.request.args,
        ending: run.outlived.ended?,
        text: tail,
        oom: run.oom,
    };
    if is_denied {
        diagnosis::diagnose_in_spite_of_code(&observed)
    } else {
        diagnosis::diagnose(&observed)
    }
}

fn state(run: &Run<'_>, tail: &str) -> Option<StateReport> {
    let (request, leader) = (run.request, run.outlived.leader);
    if effect_of(&request.command, &request.args) != Effect::State {
        return None;
    }
    // A process that could not be ended may be the tool.
    let is_gone = leader == Leader::Tool || run.outlived.survivors.is_empty();
    let ended = run.outlived.ended.filter(|_| is_gone);
    state_report::report(&state_report::Observed {
        command: &request.command,
        args: &request.args,
        end: ended.map_or(ToolEnd::Lost, ToolEnd::Ended),
        leader,
        text: tail,
        files: &files(run),
    })
}

/// The files that a run may write, as they are before it; nothing for a command that writes no state.
pub(super) fn look_before(request: &Request, environment: &Environment, work_dir: &Path) -> Before {
    if effect_of(&request.command, &request.args) != Effect::State {
        return Before::Seen(Vec::new());
    }
    let place = work_place(request, environment, work_dir);
    let seen = within(DISK_PATIENCE, move || state_report::look_before(&place));
    seen.unwrap_or_else(|| Before::Unknown {
        began_at: SystemTime::now(),
    })
}

fn work_place(request: &Request, environment: &Environment, work_dir: &Path) -> WorkPlace {
    WorkPlace {
        work_dir: work_dir.to_owned(),
        data_dir: environment.get("TF_DATA_DIR").map(PathBuf::from),
        workspace: environment.get("TF_WORKSPACE").map(str::to_owned),
        args: request.args.clone(),
    }
}

/// What the working directory shows; nothing when its disk hangs.
fn files(run: &Run<'_>) -> Files {
    let place = work_place(run.request, run.environment, run.work_dir);
    let before = run.before.clone();
    within(DISK_PATIENCE, move || {
        state_report::observe(&place, &before)
    })
    .unwrap_or(Files::UNKNOWN)
}

/// The result without its output.
pub(super) fn frame(run: &Run<'_>, verdict: &Verdict, log: Option<PathBuf>) -> RunResult<()> {
    RunResult {
        success: verdict.success,
        output: (),
        exit_code: run.outlived.ended.map_or(1, Ended::code),
        error_msg: verdict.error_msg.clone(),
        started_at: run.times.started_at,
        ended_at: Utc::now(),
        outcome: verdict.outcome,
        stop_reason: run.outlived.stop_reason,
        signal: run.outlived.ended.and_then(Ended::signal_name),
        duration_ms: u64::try_from(run.times.duration.as_millis()).unwrap_or(u64::MAX),
        output_bytes: 0,
        output_truncated: false,
        output_complete: run.outlived.output_complete,
        output_file: log,
        diagnosis: verdict.diagnosis.clone(),
        state: verdict.state.clone(),
        protocol: PROTOCOL_VERSION,
    }
}
