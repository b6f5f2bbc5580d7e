//! From how a run ended to what its result says.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::diagnosis;
use super::document::{self, Ending, Times};
use super::effect::{Effect, effect_of};
use super::flags;
use super::preparation::Environment;
use super::run_dir::DISK_PATIENCE;
use super::state_report::{self, Files, ToolEnd, WorkPlace};
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
    /// Whether the kernel ended some process for want of memory meanwhile.
    pub(super) oom_killed: bool,
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
        .is_some_and(|ended| document::is_success(request, ended, &cli_args))
        && !outlived.hides_interruption();
    let success = answered && !plan_file_is_empty(run);
    let outcome = document::outcome(outlived, success);
    let diagnosis = match (success, answered) {
        (true, _) => None,
        (false, true) => Some(empty_plan_file()),
        (false, false) => diagnose(run, tail),
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

fn diagnose(run: &Run<'_>, tail: &str) -> Option<Diagnosis> {
    if let (Some(Ended::Signalled(_)), Some(_)) = (run.outlived.ended, run.outlived.stop_reason) {
        // Our own signal is no fault of the tool.
        return None;
    }
    diagnosis::diagnose(&diagnosis::Observed {
        tool: run.request.tool,
        command: &run.request.command,
        args: &run.request.args,
        ending: run.outlived.ended?,
        text: tail,
        oom_killed: run.oom_killed,
    })
}

fn state(run: &Run<'_>, tail: &str) -> Option<StateReport> {
    if effect_of(&run.request.command, &run.request.args) != Effect::State {
        return None;
    }
    state_report::report(&state_report::Observed {
        command: &run.request.command,
        args: &run.request.args,
        end: run.outlived.ended.map_or(ToolEnd::Lost, ToolEnd::Ended),
        text: tail,
        files: &files(run),
    })
}

/// What the working directory shows; nothing when its disk hangs.
fn files(run: &Run<'_>) -> Files {
    let work_dir = run.work_dir.to_owned();
    let data_dir = run.environment.get("TF_DATA_DIR").map(PathBuf::from);
    let workspace = run.environment.get("TF_WORKSPACE").map(str::to_owned);
    let args = run.request.args.clone();
    let started_at = run.times.started_at.into();
    let observed = within(DISK_PATIENCE, move || {
        let place = WorkPlace {
            work_dir: &work_dir,
            data_dir: data_dir.as_deref(),
            workspace: workspace.as_deref(),
            args: &args,
        };
        state_report::observe(&place, started_at)
    });
    observed.unwrap_or(Files::UNKNOWN)
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

/// How often the kernel has ended a process for want of memory since it started (proc(5), `vmstat`).
pub(super) fn oom_kills() -> u64 {
    counter("oom_kill ").unwrap_or(0)
}

fn counter(name: &str) -> Option<u64> {
    // The kernel makes the table anew for every read: one read, with room to spare.
    let mut table = vec![0; 64 * 1024];
    let len = File::open("/proc/vmstat").ok()?.read(&mut table).ok()?;
    let table = std::str::from_utf8(&table[..len]).ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}
