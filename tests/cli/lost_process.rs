//! A process of the run is killed from outside: the supervisor, or the tool itself.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::ending::{Ending, assert_state_is_not_painted};
use crate::support::mark::is_alive;
use crate::support::runner::Launch;
use crate::support::state::read_json;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools_and_backends! {
    a_killed_supervisor_leaves_the_tool_alone_and_the_outcome_unknown,
    a_tool_killed_from_outside_has_failed_and_its_lock_is_told,
}

fn a_killed_supervisor_leaves_the_tool_alone_and_the_outcome_unknown(tool: Tool, backend: Backend) {
    let workspace = Workspace::new(tool, backend);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    let pid = runner.tool_pid();
    runner.output_with(IN_FLIGHT_LINE);
    assert_eq!(pid_in_run_dir(&workspace), runner.supervisor());
    wait_until_recorded(&workspace, IN_FLIGHT_LINE);
    send_sigkill(runner.supervisor());

    let front = runner.end();
    assert_is_unknown(&front, &front.streamed_result());
    let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
    assert_is_unknown(&attached, &attached.result());

    assert!(is_alive(pid), "the tool is gone with its supervisor");
    workspace.let_go();
    workspace.wait_until_nothing_runs();
    workspace.assert_everything_was_applied();
    workspace.assert_lock_is_released();
}

#[test]
fn a_supervisor_killed_before_there_is_a_request_has_started_nothing() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    for args in [&[][..], &["--stream"]] {
        let runner = Launch::new(&workspace, args).start();
        send_sigkill(runner.supervisor());
        let ending = runner.end();
        let result = match args {
            [] => ending.result(),
            _ => ending.streamed_result(),
        };
        ending.assert_outcome(&result, "not_started");
        let sentence = result["error_msg"].as_str().expect("text");
        assert!(sentence.contains("SIGKILL"), "{sentence}");
    }
}

/// The result says `unknown`, and contains what is known: the tool's output so far.
#[track_caller]
fn assert_is_unknown(ending: &Ending, result: &Value) {
    ending.assert_outcome(result, "unknown");
    let output = result["output"].as_str().expect("text");
    assert!(output.contains(IN_FLIGHT_LINE), "{result:#}");
    assert_eq!(result["output_complete"], false, "{result:#}");
    assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    let lock = &result["state"]["lock"];
    assert!(lock == "unknown" || lock == "held", "{result:#}");
}

fn a_tool_killed_from_outside_has_failed_and_its_lock_is_told(tool: Tool, backend: Backend) {
    let workspace = Workspace::new(tool, backend);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    let pid = runner.tool_pid();
    workspace.wait_until_in_flight();
    send_sigkill(pid);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "failed");
    assert_eq!(result["signal"], "SIGKILL", "{result:#}");
    assert_eq!(result["exit_code"], 137, "{result:#}");
    assert_eq!(result["stop_reason"], Value::Null, "{result:#}");
    assert_state_is_not_painted(&workspace, &result);
    assert_eq!(
        read_json(&workspace.run_dir().join("result.json")),
        Some(result)
    );
}

/// Returns the pid in the run directory, by which another process finds the run.
#[track_caller]
fn pid_in_run_dir(workspace: &Workspace) -> i32 {
    let file = workspace.run_dir().join("supervisor.pid");
    wait_for("the pid in `supervisor.pid`", SOON, || {
        std::fs::read_to_string(&file).ok()?.trim().parse().ok()
    })
}

/// Waits for a line in `output.log`, which is written after the events: `attach` cannot show what a killed supervisor
/// had not yet written.
#[track_caller]
fn wait_until_recorded(workspace: &Workspace, line: &str) {
    let file = workspace.run_dir().join("output.log");
    wait_for("the line in `output.log`", SOON, || {
        let log = std::fs::read_to_string(&file).ok()?;
        log.contains(line).then_some(())
    });
}

fn send_sigkill(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("the process is there");
}
