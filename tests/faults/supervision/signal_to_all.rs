//! A signal to the whole process tree: the tool has had its one signal, and the runner sends none.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::{FIRST_SIGNAL_SEEN, assert_state_is_safe};
use crate::support::runner::{Launch, Runner};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    sigint_to_every_process_loses_nothing_as_text,
    sigint_to_every_process_loses_nothing_with_json,
    sigint_to_supervisor_and_tool_loses_nothing_as_text,
    sigint_to_supervisor_and_tool_loses_nothing_with_json,
    output_after_the_notice_does_not_hide_it_as_text,
    output_after_the_notice_does_not_hide_it_with_json,
    the_notice_in_a_provisioners_output_does_not_count,
}

/// Longer than the runner waits for the tool's message.
const SLOW_WRITE: Duration = Duration::from_secs(5);

/// Leaves a process behind that later prints 600 KB through the tool, however its parent ends.
const FLOODS_LATER: &str = "\
(trap '' INT; while [ ! -e flood ]; do sleep 0.05; done; \
yes a line that says nothing at all | head -c 600000) & \
touch ready; while [ ! -e go ]; do sleep 0.05; done";

/// Prints the tool's message for its first signal.
const PRETENDS: &str = "\
echo 'Interrupt received.'; echo 'Please wait for Terraform to exit or data loss may occur.'; \
touch ready; while [ ! -e go ]; do sleep 0.05; done";

fn sigint_to_every_process_loses_nothing_as_text(tool: Tool) {
    interrupted(tool, "-no-color", |runner| {
        vec![runner.pid(), runner.supervisor()]
    });
}

fn sigint_to_every_process_loses_nothing_with_json(tool: Tool) {
    interrupted(tool, "-json", |runner| {
        vec![runner.pid(), runner.supervisor()]
    });
}

fn sigint_to_supervisor_and_tool_loses_nothing_as_text(tool: Tool) {
    interrupted(tool, "-no-color", |runner| vec![runner.supervisor()]);
}

fn sigint_to_supervisor_and_tool_loses_nothing_with_json(tool: Tool) {
    interrupted(tool, "-json", |runner| vec![runner.supervisor()]);
}

fn output_after_the_notice_does_not_hide_it_as_text(tool: Tool) {
    flooded(tool, "-no-color");
}

fn output_after_the_notice_does_not_hide_it_with_json(tool: Tool) {
    flooded(tool, "-json");
}

/// An apply is in progress, its state writes are slow, and the tool and `ours` get SIGINT at once.
fn interrupted(tool: Tool, form: &str, ours: impl FnOnce(&Runner) -> Vec<i32>) {
    let workspace = Workspace::new(tool, Backend::Server);
    let runner = start_and_interrupt(&workspace, form, ours);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    assert_state_is_safe(&workspace, &ending, &result, "cancelled");
    assert_eq!(result["exit_code"], 1, "{result:#}");
}

fn flooded(tool: Tool, form: &str) {
    let workspace = Workspace::with_in_flight(tool, Backend::Server, FLOODS_LATER);
    let mut runner = start_and_interrupt(&workspace, form, |runner| {
        vec![runner.pid(), runner.supervisor()]
    });
    runner.output_with(FIRST_SIGNAL_SEEN);
    std::fs::write(workspace.work_dir().join("flood"), "").expect("a new file");
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    assert_state_is_safe(&workspace, &ending, &result, "cancelled");
    let printed = result["output_bytes"].as_u64().expect("a number");
    assert!(printed > 600_000, "{printed} bytes");
}

fn start_and_interrupt(
    workspace: &Workspace,
    form: &str,
    ours: impl FnOnce(&Runner) -> Vec<i32>,
) -> Runner {
    let mut request = workspace.apply();
    request["args"] = json!(["-auto-approve", form]);
    let mut runner = Launch::stream(workspace, &request).start();
    let tool = runner.tool_pid();
    workspace.wait_until_in_flight();
    workspace.server().take_writes(Writes::Slow(SLOW_WRITE));
    for pid in [ours(&runner), vec![tool]].concat() {
        kill(Pid::from_raw(pid), Signal::SIGINT).expect("it runs");
    }
    runner
}

/// Otherwise a configuration could prevent a stop of its own tool.
fn the_notice_in_a_provisioners_output_does_not_count(tool: Tool) {
    for form in ["-no-color", "-json"] {
        let workspace = Workspace::with_in_flight(tool, Backend::Server, PRETENDS);
        let mut request = workspace.apply();
        request["args"] = json!(["-auto-approve", form]);
        let mut runner = Launch::stream(&workspace, &request).start();
        workspace.wait_until_in_flight();
        runner.output_with(FIRST_SIGNAL_SEEN);
        runner.control(r#"{"type":"cancel"}"#);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.streamed_result();
        assert_state_is_safe(&workspace, &ending, &result, "cancelled");
    }
}
