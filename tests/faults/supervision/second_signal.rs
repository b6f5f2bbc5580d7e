//! A second signal to the tool from elsewhere, after the runner's own: the tool abandons its state.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::FIRST_SIGNAL_SEEN;
use crate::support::runner::Launch;
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    second_interrupt_leaves_state_and_lock_unknown_as_text,
    second_interrupt_leaves_state_and_lock_unknown_with_json,
    second_sigterm_leaves_state_and_lock_unknown,
}

/// Longer than a tool waits after its second signal.
const SLOW_WRITE: Duration = Duration::from_secs(8);
/// Both tools print this at their second signal.
const SECOND_SIGNAL_SEEN: &str = "Two interrupts received";

fn second_interrupt_leaves_state_and_lock_unknown_as_text(tool: Tool) {
    signalled_twice(tool, "-no-color", Signal::SIGINT);
}

fn second_interrupt_leaves_state_and_lock_unknown_with_json(tool: Tool) {
    signalled_twice(tool, "-json", Signal::SIGINT);
}

fn second_sigterm_leaves_state_and_lock_unknown(tool: Tool) {
    signalled_twice(tool, "-no-color", Signal::SIGTERM);
}

fn signalled_twice(tool: Tool, form: &str, second: Signal) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut request = workspace.apply();
    request["args"] = json!(["-auto-approve", form]);
    let mut runner = Launch::stream(&workspace, &request).start();
    let pid = runner.tool_pid();
    workspace.wait_until_in_flight();
    workspace.server().take_writes(Writes::Slow(SLOW_WRITE));
    runner.control(r#"{"type":"cancel"}"#);
    runner.output_with(FIRST_SIGNAL_SEEN);
    kill(Pid::from_raw(pid), second).expect("the tool runs");
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    let output = result["output"].as_str().expect("text");
    assert!(output.contains(SECOND_SIGNAL_SEEN), "{output}");
    assert_eq!(result["state"]["safety"], "unknown", "{result:#}");
    assert_eq!(result["state"]["lock"], "unknown", "{result:#}");
}
