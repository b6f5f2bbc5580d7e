//! A program in the tool's place that starts the real tool: its exit code is not the tool's.

use serde_json::{Value, json};

use crate::support::ending::Ending;
use crate::support::program::write_program;
use crate::support::runner::{Launch, Runner};
use crate::support::state::four_resources;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        cancel_through_a_pipe_claims_only_what_is_true,
        cancel_through_a_wrapper_claims_only_what_is_true,
        success_through_a_wrapper_is_saved_and_released,
    }

    fn cancel_through_a_pipe_claims_only_what_is_true(tool: Tool, backend: Backend) {
        for wrapper in PIPES {
            cancelled(tool, backend, wrapper);
        }
    }

    fn cancel_through_a_wrapper_claims_only_what_is_true(tool: Tool, backend: Backend) {
        for wrapper in PROCESSES {
            cancelled(tool, backend, wrapper);
        }
    }

    fn success_through_a_wrapper_is_saved_and_released(tool: Tool, backend: Backend) {
        for wrapper in PIPES.iter().chain(&PROCESSES) {
            let workspace = Workspace::new(tool, backend);
            workspace.let_go();
            let ending = Launch::request(&workspace, &wrapped(&workspace, wrapper)).run();
            let result = ending.result();
            ending.assert_outcome(&result, "succeeded");
            assert_eq!(result["state"]["safety"], "saved", "{wrapper}\n{result:#}");
            assert_eq!(result["state"]["lock"], "released", "{wrapper}\n{result:#}");
            workspace.assert_everything_was_applied();
            workspace.assert_lock_is_released();
        }
    }
}

mod on_tools {
    use super::*;

    on_both_tools! {
        failure_behind_a_pipe_that_exits_with_zero_is_no_success,
        tool_that_is_killed_behind_a_wrapper_leaves_its_state_unknown,
    }

    fn failure_behind_a_pipe_that_exits_with_zero_is_no_success(tool: Tool) {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, "exit 1");
        let ending = Launch::request(&workspace, &wrapped(&workspace, PIPES[0])).run();
        let result = ending.result();
        ending.assert_outcome(&result, "failed");
        let class = &result["diagnosis"]["class"];
        assert_eq!(class, "provider_error", "{result:#}");
        assert_claims_are_true(&workspace, &result, PIPES[0]);
    }

    fn tool_that_is_killed_behind_a_wrapper_leaves_its_state_unknown(tool: Tool) {
        for exit_code in ["$?", "0", "1"] {
            let wrapper = format!("TOOL \"$@\" & echo $! >pid; wait $!; exit {exit_code}");
            let workspace = Workspace::new(tool, Backend::Server);
            let runner = start(&workspace, &wrapper);
            workspace.wait_until_in_flight();
            workspace.kill_recorded_tool();
            let result = end(&workspace, runner).result();
            assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
            assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
        }
    }
}

/// Pipes that end with another program's exit code, or lose it. `TOOL` is the path of the real tool.
const PIPES: [&str; 4] = [
    "TOOL \"$@\" 2>&1 | tee log",
    "exec bash -o pipefail -c 'TOOL \"$@\" 2>&1 | tee log' sh \"$@\"",
    "exec bash -c 'TOOL \"$@\" 2>&1 | tee log; exit ${PIPESTATUS[0]}' sh \"$@\"",
    "TOOL \"$@\" 2>&1 | sed s/x/x/",
];

/// Programs that wait for the tool, or end before it does.
const PROCESSES: [&str; 5] = [
    "exec setsid -w TOOL \"$@\"",
    "set -m; TOOL \"$@\"",
    "exec python3 -c 'import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))' TOOL \"$@\"",
    "trap 'exit 0' INT; TOOL \"$@\" & wait; wait",
    "exec TOOL \"$@\"",
];

/// Returns a request for an apply with a shell script in the tool's place.
pub(super) fn wrapped(workspace: &Workspace, script: &str) -> Value {
    let tool = workspace.tool;
    let folder = workspace.home().join("bin");
    std::fs::create_dir(&folder).expect("a new folder");
    let program = tool.program().to_str().expect("a path that is text");
    let script = script.replace("TOOL", program);
    write_program(&folder.join(tool.name()), &format!("#!/bin/sh\n{script}\n"));
    let mut request = workspace.apply();
    request["env_vars"]["PATH"] = json!(format!("{}:{}", folder.display(), tool.path()));
    request
}

fn start(workspace: &Workspace, wrapper: &str) -> Runner {
    Launch::request(workspace, &wrapped(workspace, wrapper)).start()
}

#[track_caller]
fn end(workspace: &Workspace, runner: Runner) -> Ending {
    runner.end_and(|| workspace.mark.assert_nothing_is_left_alive())
}

#[track_caller]
fn cancelled(tool: Tool, backend: Backend, wrapper: &str) {
    let workspace = Workspace::new(tool, backend);
    let mut runner = start(&workspace, wrapper);
    workspace.wait_until_in_flight();
    runner.control(r#"{"type":"cancel"}"#);
    let ending = end(&workspace, runner);
    let result = ending.result();
    assert_eq!(result["success"], false, "{wrapper}\n{result:#}");
    assert_eq!(result["stop_reason"], "cancel", "{wrapper}\n{result:#}");
    assert_claims_are_true(&workspace, &result, wrapper);
}

/// Asserts that the result's claims about state and lock are true; `unknown` always is.
#[track_caller]
fn assert_claims_are_true(workspace: &Workspace, result: &Value, wrapper: &str) {
    let context = format!("{wrapper}\n{result:#}");
    let is_complete = workspace.resources() == four_resources(true);
    match result["state"]["safety"].as_str().expect("a word") {
        "saved" => assert!(is_complete, "{context}"),
        "partial" => assert!(!is_complete, "{context}"),
        word => assert_eq!(word, "unknown", "{context}"),
    }
    let holder = workspace.lock_holder();
    match result["state"]["lock"].as_str().expect("a word") {
        "released" => assert_eq!(holder, None, "{context}"),
        "held" => assert!(holder.is_some(), "{context}"),
        word => assert_eq!(word, "unknown", "{context}"),
    }
}
