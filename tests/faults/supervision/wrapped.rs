//! A script in the tool's place that runs the real tool: the tool gets the grace period, even if the script ends first.

use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::{FIRST_SIGNAL_SEEN, assert_state_is_safe};
use crate::support::ending::Ending;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::{Launch, Runner};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_tool_behind_exec_stops_in_order,
    a_tool_behind_a_plain_call_stops_in_order,
    a_tool_before_tee_stops_in_order,
    a_tool_before_sed_stops_in_order,
    a_tool_before_tee_with_pipefail_stops_in_order,
    a_tool_under_setsid_stops_in_order,
    a_tool_under_exec_of_setsid_stops_in_order,
    a_tool_under_job_control_stops_in_order,
    a_tool_under_python_stops_in_order,
    a_tool_under_python_in_a_session_of_its_own_stops_in_order,
    a_tool_behind_a_trap_that_passes_signals_on_stops_in_order,
    a_tool_under_timeout_stops_in_order,
    a_tool_that_is_tried_again_stops_in_order,
    a_tool_that_outlives_its_killed_wrapper_stops_in_order,
    a_tool_whose_wrapper_took_a_signal_to_all_stops_in_order,
    a_wrapper_that_goes_on_after_its_tool_is_stopped_too,
    a_wrapper_that_ends_by_itself_is_not_waited_behind,
}

/// On SIGINT, it kills its child and dies.
const PYTHON_CALL: &str = "#!/usr/bin/python3\nimport subprocess, sys\n\
                      sys.exit(subprocess.call(['TOOL'] + sys.argv[1:]))";
/// On SIGINT, it dies and leaves its child behind.
const PYTHON_WAIT: &str = "#!/usr/bin/python3\nimport subprocess, sys\n\
                           sys.exit(subprocess.Popen(['TOOL'] + sys.argv[1:]).wait())";
/// Longer than a wrapper needs to die, so that the tool is still working then.
pub(super) const SLOW_WRITE: Duration = Duration::from_secs(2);

fn a_tool_behind_exec_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/sh\nexec TOOL \"$@\"");
}

fn a_tool_behind_a_plain_call_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/sh\nTOOL \"$@\"\nexit $?");
}

/// The shell ends with the exit code of `tee`, which says nothing about the tool.
fn a_tool_before_tee_stops_in_order(tool: Tool) {
    let result = cancelled_once(tool, "#!/bin/sh\nTOOL \"$@\" 2>&1 | tee log");
    assert_eq!(result["exit_code"], 0, "{result:#}");
}

fn a_tool_before_sed_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/sh\nTOOL \"$@\" 2>&1 | sed -u 's/^/  /'");
}

fn a_tool_before_tee_with_pipefail_stops_in_order(tool: Tool) {
    let result = cancelled_once(
        tool,
        "#!/bin/bash\nset -o pipefail\nTOOL \"$@\" 2>&1 | tee log\nexit ${PIPESTATUS[0]}",
    );
    assert_eq!(result["exit_code"], 1, "{result:#}");
}

fn a_tool_under_setsid_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/sh\nsetsid -w TOOL \"$@\"");
}

fn a_tool_under_exec_of_setsid_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/sh\nexec setsid -w TOOL \"$@\"");
}

fn a_tool_under_job_control_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/bash\nset -m\nTOOL \"$@\"");
}

fn a_tool_under_python_stops_in_order(tool: Tool) {
    cancelled_once(tool, PYTHON_CALL);
    cancelled_once(tool, PYTHON_WAIT);
}

fn a_tool_under_python_in_a_session_of_its_own_stops_in_order(tool: Tool) {
    cancelled_once(
        tool,
        "#!/usr/bin/python3\nimport subprocess, sys\n\
         sys.exit(subprocess.Popen(['TOOL'] + sys.argv[1:], start_new_session=True).wait())",
    );
}

fn a_tool_behind_a_trap_that_passes_signals_on_stops_in_order(tool: Tool) {
    cancelled_once(
        tool,
        "#!/bin/bash\ntrap 'kill -INT $child' INT TERM\nTOOL \"$@\" &\nchild=$!\n\
         wait $child; status=$?\nwhile kill -0 $child 2>/dev/null; do wait $child; status=$?; done\n\
         exit $status",
    );
}

fn a_tool_under_timeout_stops_in_order(tool: Tool) {
    cancelled_once(tool, "#!/bin/sh\nexec timeout 600 TOOL \"$@\"");
}

/// Each attempt gets one SIGINT.
fn a_tool_that_is_tried_again_stops_in_order(tool: Tool) {
    let result = cancelled(
        tool,
        "#!/bin/bash\nfor try in 1 2; do TOOL \"$@\" && exit 0; done; exit 1",
    );
    assert!((1..=2).contains(&notices(&result)), "{result:#}");
}

/// Only the script is killed: the tool is asked to stop, and gets its grace period.
fn a_tool_that_outlives_its_killed_wrapper_stops_in_order(tool: Tool) {
    let (fake, mut runner) = in_flight(tool, "#!/bin/sh\nTOOL \"$@\"\nexit $?");
    let leader = Pid::from_raw(runner.tool_pid());
    kill(leader, Signal::SIGKILL).expect("the wrapper runs");
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "failed");
    assert_eq!(result["signal"], "SIGKILL", "{result:#}");
    assert_eq!(result["stop_reason"], Value::Null, "{result:#}");
}

/// The script dies of the signal at once; the tool has received it too, and gets no second one.
fn a_tool_whose_wrapper_took_a_signal_to_all_stops_in_order(tool: Tool) {
    let (fake, mut runner) = in_flight(tool, PYTHON_WAIT);
    let group = Pid::from_raw(runner.tool_pid());
    fake.workspace
        .server()
        .take_writes(Writes::Slow(2 * SLOW_WRITE));
    killpg(group, Signal::SIGINT).expect("the wrapper runs");
    kill(Pid::from_raw(runner.supervisor()), Signal::SIGINT).expect("the supervisor runs");
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "cancelled");
    assert_eq!(notices(&result), 1, "{result:#}");
}

fn a_wrapper_that_goes_on_after_its_tool_is_stopped_too(tool: Tool) {
    let result = cancelled_once(
        tool,
        "#!/bin/bash\nTOOL \"$@\"\nwhile :; do sleep 600; done",
    );
    assert_eq!(result["signal"], "SIGINT", "{result:#}");
}

/// No stop was requested: processes that a script leaves behind do not delay its result.
fn a_wrapper_that_ends_by_itself_is_not_waited_behind(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    workspace.let_go();
    let fake = wrap(
        workspace,
        "#!/bin/sh\nTOOL \"$@\"\nsetsid sh -c 'trap \"\" INT; exec sleep 600' &\nexit 0",
    );
    let runner = Launch::request(&fake.workspace, &fake.apply()).start();
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    ending.assert_outcome(&ending.result(), "succeeded");
    fake.workspace.assert_everything_was_applied();
}

/// Same as [`cancelled`], for a tool that reports exactly once that it received a signal.
fn cancelled_once(tool: Tool, wrapper: &str) -> Value {
    let result = cancelled(tool, wrapper);
    assert_eq!(notices(&result), 1, "{result:#}");
    result
}

/// Cancels an apply in progress behind a wrapper, in which TOOL is the real tool.
fn cancelled(tool: Tool, wrapper: &str) -> Value {
    let (fake, mut runner) = in_flight(tool, wrapper);
    runner.control(r#"{"type":"cancel"}"#);
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "cancelled");
    assert_eq!(result["stop_reason"], "cancel", "{result:#}");
    result
}

pub(super) fn in_flight(tool: Tool, wrapper: &str) -> (FakeTool, Runner) {
    started(wrap(Workspace::new(tool, Backend::Server), wrapper))
}

/// Starts an apply with slow state writes, and waits until it is in progress.
pub(super) fn started(fake: FakeTool) -> (FakeTool, Runner) {
    let runner = Launch::stream(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    fake.workspace
        .server()
        .take_writes(Writes::Slow(SLOW_WRITE));
    (fake, runner)
}

pub(super) fn wrap(workspace: Workspace, wrapper: &str) -> FakeTool {
    let program = workspace.tool.program();
    let text = wrapper.replace("TOOL", program.to_str().expect("a path that is text"));
    FakeTool::in_place_of_the_tool(workspace, &text)
}

pub(super) fn ended(fake: &FakeTool, runner: Runner) -> (Ending, Value) {
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    (ending, result)
}

/// Returns how often a tool has reported that it received a signal.
pub(super) fn notices(result: &Value) -> usize {
    let output = result["output"].as_str().expect("text");
    output.matches(FIRST_SIGNAL_SEEN).count()
}
