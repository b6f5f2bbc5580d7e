//! Derives the result of a run from how it ended.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::Utc;

use super::document::{self, SentenceInput, Times};
use super::run_end::RunEnd;
use super::success::{self, PlanFile, Shortfall, SuccessInput};
use crate::output::Matcher;
use crate::process::{Ended, within};
use crate::protocol::{
    Diagnosis, DiagnosisClass, Outcome, PROTOCOL_VERSION, Request, RunResult, StateReport,
    StateSafety, asks_for_help_or_version,
};
use crate::runner::command::cli_args;
use crate::runner::command::effect::{Effect, effect_of, takes_only_lock};
use crate::runner::command::flags;
use crate::runner::command::leader::Leader;
use crate::runner::diagnosis;
use crate::runner::diagnosis::{LockFault, Testimony, lock_fault};
use crate::runner::evidence::Evidence;
use crate::runner::preparation;
use crate::runner::preparation::Environment;
use crate::runner::result::oom::Kill;
use crate::runner::run_dir::DISK_PATIENCE;
use crate::runner::state_report;
use crate::runner::state_report::{Before, Files, LockVariables, ToolEnd, ToolProgress, WorkPlace};
use crate::runner::tool_output::printed::Printed;

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) work_dir: &'a Path,
    pub(crate) run_end: &'a RunEnd,
    /// The program that was started first.
    pub(crate) started_as: Leader,
    /// The output, before masking.
    pub(crate) evidence: &'a Evidence,
    /// The end of the output, masked.
    pub(crate) tail: &'a str,
    pub(crate) matcher: &'a Matcher,
    /// The file size limit, if it truncated the output.
    pub(crate) cut_at: Option<u64>,
    pub(crate) times: Times,
    /// The files before the run.
    pub(crate) before: &'a Before,
    /// Whether the kernel killed a process because memory ran out.
    pub(crate) oom: Kill,
    /// What confined the tool.
    pub(crate) sandbox: Option<String>,
}

/// The verdict on a run.
#[derive(Debug)]
pub(crate) struct Assessment {
    pub(crate) outcome: Outcome,
    pub(crate) success: bool,
    diagnosis: Option<Diagnosis>,
    state: Option<StateReport>,
    error_msg: String,
}

/// Determines the verdict on a run from how it ended and from its output.
pub(crate) fn verdict(run: &Run<'_>) -> Assessment {
    let (request, run_end) = (run.request, run.run_end);
    let args = &run.environment.args;
    let printed = run.evidence.printed(args);
    let words = ToolProgress::of(&printed);
    let judged = run_end.ended.map(|ended| {
        success::judge(&SuccessInput {
            command: &request.command,
            args,
            ended,
            leader: run_end.leader,
            words,
            plan_file: plan_file(run),
            is_workspace_selected: is_workspace_selected(run),
            is_stopped: run_end.stop_reason.is_some() || run_end.has_tool_outlived,
            is_interrupted: run_end.interrupted && run_end.stop_reason.is_some(),
            hides_end: run_end.hides_end_of_tool(),
        })
    });
    let success = judged == Some(Ok(()));
    let shortfall = judged.and_then(Result::err);
    let outcome = match (document::outcome(run_end, success), shortfall) {
        (Outcome::Failed, Some(Shortfall::NoClosingWords)) => Outcome::Unknown,
        (outcome, _) => outcome,
    };
    let writes_state = writes_state(request, args);
    let mut diagnosis = shortfall.and_then(|shortfall| diagnose(run, shortfall, &printed));
    if let Some(diagnosis) = &mut diagnosis {
        // The diagnosis knows the arguments of the request alone.
        diagnosis.retryable &= !writes_state;
    }
    let (files, state) = if writes_state {
        let files = files(run);
        let state = state_report::report(&report_input(run, &printed, &files));
        (Some(files), Some(state))
    } else if takes_lock(request, args) || is_lock_left(&printed) {
        let state = state_report::report_lock(&report_input(run, &printed, &files(run)));
        (None, state)
    } else {
        (None, None)
    };
    let mut error_msg = document::error_message(&SentenceInput {
        request,
        run_end,
        outcome,
        diagnosis: diagnosis.as_ref(),
        state: state.as_ref(),
    });
    if let (Some(limit), false) = (run.cut_at, success) {
        error_msg.push_str("; ");
        error_msg.push_str(&preparation::cut_output(limit));
    }
    let is_unknown = state
        .as_ref()
        .is_some_and(|state| state.safety == StateSafety::Unknown);
    let damaged = files.as_ref().and_then(|it| it.damaged_state.as_ref());
    if let (true, Some(damaged)) = (is_unknown, damaged) {
        document::add_damaged_state(&mut error_msg, damaged);
    }
    if is_unknown && files.is_some_and(|files| files.is_errored_state_cut) {
        error_msg.push_str(
            "; `errored.tfstate` is empty or cut and holds no state: if the tool has printed the state into its output, \
             that may be the only copy, and is not whole if `output_truncated` is true and there is no `output_file`",
        );
    }
    Assessment {
        outcome,
        success,
        diagnosis,
        state,
        error_msg,
    }
}

/// Returns the state of the file that `plan` had to write.
///
/// On a full disk both tools say "Saved the plan" and exit with 0, but the file is empty.
fn plan_file(run: &Run<'_>) -> PlanFile {
    let out = flags::value(&run.environment.args, "out").filter(|path| !path.is_empty());
    let (Some(out), "plan") = (out, run.request.command.as_str()) else {
        return PlanFile::Fine;
    };
    let path = run.work_dir.join(out);
    // A script may have run the tool in another directory.
    let is_certain = run.started_as == Leader::Tool;
    match within(DISK_PATIENCE, || fs::metadata(path)) {
        Some(Ok(file)) if file.is_file() && file.len() == 0 => PlanFile::Empty,
        Some(Err(fault)) if fault.kind() == ErrorKind::NotFound && is_certain => PlanFile::Missing,
        Some(_) | None => PlanFile::Fine,
    }
}

/// Returns whether `workspace select` names the currently selected workspace.
fn is_workspace_selected(run: &Run<'_>) -> bool {
    let args = &run.environment.args;
    let named = args.last().filter(|_| {
        run.request.command == "workspace" && flags::first_operand(args) == Some("select")
    });
    let is_overridden = run.environment.get("TF_WORKSPACE").is_some();
    let (Some(named), false) = (named, is_overridden) else {
        return false;
    };
    let place = work_place(
        &run.request.command,
        run.environment,
        run.work_dir,
        run.started_as,
    );
    within(DISK_PATIENCE, move || {
        state_report::selected_workspace(&place)
    })
    .flatten()
    .is_some_and(|selected| selected == *named)
}

/// Returns whether a run takes the lock of the state and writes no state.
fn takes_lock(request: &Request, args: &[String]) -> bool {
    takes_only_lock(&request.command)
        && !flags::is_off(args, "lock")
        && !args.iter().any(|word| asks_for_help_or_version(word))
}

/// Returns whether a command writes state; `TF_CLI_ARGS_init` may make an `init` do so.
///
/// With a help or version argument, a tool runs no command.
fn writes_state(request: &Request, args: &[String]) -> bool {
    if args.iter().any(|word| asks_for_help_or_version(word)) {
        return false;
    }
    let command = &request.command;
    effect_of(command, &request.args) == Effect::State
        || (command == "init" && effect_of(command, args) == Effect::State)
}

fn diagnose(run: &Run<'_>, shortfall: Shortfall, printed: &Printed) -> Option<Diagnosis> {
    if let (Some(Ended::Signalled(_)), Some(_)) = (run.run_end.ended, run.run_end.stop_reason) {
        // A signal from the runner is not a fault of the tool.
        return None;
    }
    let observed = diagnosis::DiagnosisInput {
        tool: run.request.tool,
        command: &run.request.command,
        args: &run.request.args,
        ending: run.run_end.ended?,
        text: run.tail,
        oom: run.oom,
    };
    let testimony = Testimony {
        printed,
        matcher: run.matcher,
    };
    let other = |class, message: &str| Diagnosis {
        class,
        message: message.to_owned(),
        retryable: false,
    };
    match shortfall {
        // If the tool outlived its wrapper, its last output is ambiguous unless it names an error.
        Shortfall::ExitCode if run.run_end.has_tool_outlived => {
            Some(diagnosis::diagnose_failure(&observed, testimony))
                .filter(|found| found.class != DiagnosisClass::Other)
        }
        Shortfall::ExitCode | Shortfall::NoPlan => {
            Some(diagnosis::diagnose_failure(&observed, testimony))
        }
        Shortfall::HiddenError => Some(
            diagnosis::diagnose_in_spite_of_code(&observed, testimony)
                .unwrap_or_else(|| diagnosis::diagnose_failure(&observed, testimony)),
        ),
        Shortfall::HiddenEnd | Shortfall::LeftOut => {
            diagnosis::diagnose_in_spite_of_code(&observed, testimony)
        }
        Shortfall::NoClosingWords if run.run_end.stop_reason.is_some() => {
            diagnosis::diagnose_in_spite_of_code(&observed, testimony)
        }
        Shortfall::NoClosingWords => Some(other(
            DiagnosisClass::Other,
            "the tool did not say that it completed the command: it may have been killed, or its output was \
             sent elsewhere",
        )),
        Shortfall::EmptyPlanFile => Some(other(
            DiagnosisClass::OutOfDisk,
            "the tool said that it saved the plan, and the plan file is empty: free some disk space and plan \
             again",
        )),
        Shortfall::NoPlanFile => Some(other(
            DiagnosisClass::Other,
            "the plan file that `-out` names is not there: plan again",
        )),
    }
}

/// Returns whether the tool has said that it did not release the lock, or may not have.
fn is_lock_left(printed: &Printed) -> bool {
    matches!(
        lock_fault(printed),
        Some(LockFault::NotReleased(_) | LockFault::Unconfirmed)
    )
}

fn report_input<'a>(
    run: &'a Run<'_>,
    printed: &'a Printed,
    files: &'a Files,
) -> state_report::ReportInput<'a> {
    let (run_end, leader) = (run.run_end, run.run_end.leader);
    // A process that could not be ended may be the tool.
    let is_gone = leader == Leader::Tool || run_end.survivors.is_empty();
    let ended = run_end.ended.filter(|_| is_gone);
    state_report::ReportInput {
        command: &run.request.command,
        args: &run.environment.args,
        end: ended.map_or(ToolEnd::Lost, ToolEnd::Ended),
        leader,
        started_as: run.started_as,
        printed,
        is_whole: run_end.is_output_read && run.cut_at.is_none(),
        files,
    }
}

/// Records the files that a run may write, before it starts; nothing for a command that writes no state.
pub(crate) fn look_before(request: &Request, environment: &Environment, work_dir: &Path) -> Before {
    let place = || work_place(&request.command, environment, work_dir, Leader::Tool);
    let seen = if writes_state(request, &environment.args) {
        let place = place();
        within(DISK_PATIENCE, move || state_report::look_before(&place))
    } else if takes_lock(request, &environment.args) {
        let place = place();
        within(DISK_PATIENCE, move || state_report::look_at_backend(&place))
    } else {
        return Before::NOTHING;
    };
    seen.unwrap_or_else(|| Before::Unknown {
        began_at: SystemTime::now(),
    })
}

fn work_place(
    command: &str,
    environment: &Environment,
    work_dir: &Path,
    started_as: Leader,
) -> WorkPlace {
    let is_set = |name: &str| environment.get(name).is_some_and(|it| !it.is_empty());
    WorkPlace {
        work_dir: work_dir.to_owned(),
        data_dir: environment.get("TF_DATA_DIR").map(PathBuf::from),
        workspace: environment.get("TF_WORKSPACE").map(str::to_owned),
        lock_variables: LockVariables {
            locks: is_set("TF_HTTP_LOCK_ADDRESS"),
            unlocks: is_set("TF_HTTP_UNLOCK_ADDRESS"),
        },
        args: environment.args.clone(),
        plan_file: cli_args::plan_file(command, &environment.args).map(|path| work_dir.join(path)),
        is_init: command == "init",
        started_as,
    }
}

/// Returns what the working directory shows; nothing if its disk hangs.
fn files(run: &Run<'_>) -> Files {
    let place = work_place(
        &run.request.command,
        run.environment,
        run.work_dir,
        run.started_as,
    );
    let before = run.before.clone();
    within(DISK_PATIENCE, move || {
        state_report::observe(&place, &before)
    })
    .unwrap_or(Files::UNKNOWN)
}

/// Returns the result without its output.
pub(crate) fn frame(run: &Run<'_>, verdict: &Assessment, log: Option<PathBuf>) -> RunResult<()> {
    RunResult {
        success: verdict.success,
        output: (),
        exit_code: run.run_end.ended.map_or(1, Ended::code),
        error_msg: verdict.error_msg.clone(),
        started_at: run.times.started_at,
        ended_at: Utc::now(),
        outcome: verdict.outcome,
        stop_reason: run.run_end.stop_reason,
        signal: run.run_end.ended.and_then(Ended::signal_name),
        duration_ms: u64::try_from(run.times.duration.as_millis()).unwrap_or(u64::MAX),
        output_bytes: 0,
        output_truncated: false,
        output_complete: run.run_end.output_complete,
        output_file: log,
        diagnosis: verdict.diagnosis.clone(),
        state: verdict.state.clone(),
        sandbox: run.sandbox.clone(),
        protocol: PROTOCOL_VERSION,
    }
}
