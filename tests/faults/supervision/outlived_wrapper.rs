//! A script in the tool's place that ends by itself while the real tool works: the tool may finish, and the script's
//! exit code says nothing about it.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::wrapped::{ended, in_flight, notices, wrap};
use super::{FIRST_SIGNAL_SEEN, assert_state_is_safe};
use crate::support::ending::Ending;
use crate::support::fake_tool::FakeTool;
use crate::support::mark::{name, state_of};
use crate::support::runner::{Launch, Runner};
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    tool_finishes_behind_a_wrapper_that_exited_with_0,
    tool_finishes_behind_a_wrapper_that_exited_with_1,
    tool_finishes_behind_a_wrapper_that_exits_at_sigterm,
    tool_finishes_behind_a_wrapper_that_exits_at_once,
    failure_behind_a_wrapper_that_exited_with_0_is_told,
    killed_tool_behind_a_wrapper_that_exited_is_no_success,
    cancel_behind_a_wrapper_that_exited_stops_in_order,
    timeout_behind_a_wrapper_that_exited_stops_in_order,
    daemon_behind_a_stopped_tool_is_not_waited_for,
    plan_behind_a_wrapper_that_exited_is_no_success,
}

/// Ends when the apply is in progress.
const EXITS: &str =
    "#!/bin/sh\nTOOL \"$@\" &\nwhile [ ! -e ready ]; do sleep 0.05; done\nexit CODE";

fn tool_finishes_behind_a_wrapper_that_exited_with_0(tool: Tool) {
    let (fake, runner) = outlived(tool, &EXITS.replace("CODE", "0"));
    fake.workspace.let_go();
    let (ending, result) = ended(&fake, runner);
    assert_finished(&fake, &ending, &result, "succeeded");
}

fn tool_finishes_behind_a_wrapper_that_exited_with_1(tool: Tool) {
    let (fake, runner) = outlived(tool, &EXITS.replace("CODE", "1"));
    fake.workspace.let_go();
    let (ending, result) = ended(&fake, runner);
    assert_finished(&fake, &ending, &result, "failed");
    assert_eq!(result["exit_code"], 1, "{result:#}");
}

fn tool_finishes_behind_a_wrapper_that_exits_at_sigterm(tool: Tool) {
    let script = "#!/bin/bash\ntrap 'exit 1' TERM\nTOOL \"$@\" &\nwait $!";
    let (fake, mut runner) = in_flight(tool, script);
    let leader = runner.tool_pid();
    kill(Pid::from_raw(leader), Signal::SIGTERM).expect("the script runs");
    wait_for_end_of(leader);
    fake.workspace.let_go();
    let (ending, result) = ended(&fake, runner);
    assert_finished(&fake, &ending, &result, "failed");
}

fn tool_finishes_behind_a_wrapper_that_exits_at_once(tool: Tool) {
    let script = "#!/bin/sh\nTOOL \"$@\" &\nexit 0";
    let (fake, runner) = outlived(tool, script);
    fake.workspace.let_go();
    let (ending, result) = ended(&fake, runner);
    assert_finished(&fake, &ending, &result, "succeeded");
}

fn failure_behind_a_wrapper_that_exited_with_0_is_told(tool: Tool) {
    let fails = "touch ready; while [ ! -e go ]; do sleep 0.05; done; exit 3";
    let workspace = Workspace::with_in_flight(tool, Backend::Server, fails);
    let fake = wrap(workspace, &EXITS.replace("CODE", "0"));
    let mut runner = Launch::stream(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    wait_for_end_of(runner.tool_pid());
    fake.workspace.let_go();
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "failed");
    assert_eq!(result["diagnosis"]["class"], "provider_error", "{result:#}");
}

fn killed_tool_behind_a_wrapper_that_exited_is_no_success(tool: Tool) {
    let (fake, runner) = outlived(tool, &EXITS.replace("CODE", "0"));
    let real = tool_process(&fake);
    kill(Pid::from_raw(real), Signal::SIGKILL).expect("the tool runs");
    let (ending, result) = ended(&fake, runner);
    ending.assert_outcome(&result, "unknown");
    assert_eq!(result["exit_code"], 0, "{result:#}");
    assert_eq!(result["success"], false, "{result:#}");
    assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    assert_ne!(result["state"]["lock"], "released", "{result:#}");
    let told = result["error_msg"].as_str().expect("a sentence");
    assert!(told.contains("ended before the tool"), "{told}");
}

fn cancel_behind_a_wrapper_that_exited_stops_in_order(tool: Tool) {
    let (fake, mut runner) = outlived(tool, &EXITS.replace("CODE", "0"));
    runner.control(r#"{"type":"cancel"}"#);
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "cancelled");
    assert_eq!(notices(&result), 1, "{result:#}");
}

fn timeout_behind_a_wrapper_that_exited_stops_in_order(tool: Tool) {
    let fake = wrap(
        Workspace::new(tool, Backend::Server),
        &EXITS.replace("CODE", "0"),
    );
    let mut request = fake.apply();
    request["timeout"] = json!(0.2);
    let mut runner = Launch::stream(&fake.workspace, &request).start();
    runner.output_with(FIRST_SIGNAL_SEEN);
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "timed_out");
    assert_eq!(notices(&result), 1, "{result:#}");
}

/// The grace period is for the tool: processes that the script left next to the tool do not use it up.
fn daemon_behind_a_stopped_tool_is_not_waited_for(tool: Tool) {
    let script = "#!/bin/sh\nsetsid sh -c 'trap \"\" INT; exec sleep 600' &\n";
    let script = EXITS.replace("CODE", "0").replace("#!/bin/sh\n", script);
    let (fake, mut runner) = outlived(tool, &script);
    runner.control(r#"{"type":"cancel"}"#);
    let (ending, result) = ended(&fake, runner);
    assert_state_is_safe(&fake.workspace, &ending, &result, "cancelled");
    assert_eq!(notices(&result), 1, "{result:#}");
}

/// The tool's own exit code is unknown.
fn plan_behind_a_wrapper_that_exited_is_no_success(tool: Tool) {
    let slow = "data \"external\" \"slow\" {\n  program = [\"true\"]\n}\n";
    // A plan that fails: the provider is not installed.
    let workspace = Workspace::with_configuration(tool, Backend::Local, "");
    std::fs::write(workspace.work_dir().join("slow.tf"), slow).expect("a new file");
    let fake = wrap(workspace, "#!/bin/sh\nTOOL \"$@\" &\nexit 0");
    let mut request = fake.apply();
    request["command"] = json!("plan");
    request["args"] = json!(["-no-color"]);
    let runner = Launch::stream(&fake.workspace, &request).start();
    let (ending, result) = ended(&fake, runner);
    ending.assert_outcome(&result, "failed");
    let output = result["output"].as_str().expect("text");
    assert!(output.contains("Error"), "{result:#}");
}

/// Returns an apply in progress whose wrapper has ended, as seen by the supervisor: a tool that ends before that has
/// not outlived it.
fn outlived(tool: Tool, wrapper: &str) -> (FakeTool, Runner) {
    let (fake, mut runner) = in_flight(tool, wrapper);
    runner.event("word of the ended wrapper", |event| {
        let message = event["message"].as_str();
        event["type"] == "warning" && message.is_some_and(|text| text.contains("left to finish"))
    });
    (fake, runner)
}

/// The supervisor keeps it as a zombie.
fn wait_for_end_of(leader: i32) {
    wait_for("the end of the wrapper", WITHIN_A_TEST, || {
        (state_of(leader)? == 'Z').then_some(())
    });
}

fn tool_process(fake: &FakeTool) -> i32 {
    wait_for("the tool", SOON, || {
        let carriers = fake.workspace.mark.carriers();
        let mut pids = carriers.iter().map(|carrier| carrier.pid);
        pids.find(|&pid| name(pid) == fake.workspace.tool.name())
    })
}

#[track_caller]
fn assert_finished(fake: &FakeTool, ending: &Ending, result: &Value, outcome: &str) {
    ending.assert_outcome(result, outcome);
    fake.workspace.assert_everything_was_applied();
    fake.workspace.assert_lock_is_released();
    assert_eq!(result["state"]["safety"], "saved", "{result:#}");
    assert_eq!(result["state"]["lock"], "released", "{result:#}");
    assert_eq!(result["stop_reason"], Value::Null, "{result:#}");
    assert_eq!(notices(result), 0, "{result:#}");
}
