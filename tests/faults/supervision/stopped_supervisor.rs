//! A supervisor that is stopped (SIGSTOP) when a stop of the run is requested: the requesting process wakes it first.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::frozen::{stop, wait_until_over};
use super::wrapped::SLOW_WRITE;
use super::{FIRST_SIGNAL_SEEN, assert_state_is_safe};
use crate::support::runner::{Launch, Runner};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

/// Time after the first signal at which a second one forces the end.
const SECOND_SIGNAL_COUNTS: Duration = Duration::from_secs(3);

on_both_tools! {
    sigterm_wakes_a_stopped_supervisor,
    cancel_line_wakes_a_stopped_supervisor,
    cancel_command_wakes_a_stopped_supervisor,
    forced_cancel_command_wakes_a_stopped_supervisor,
    second_signal_wakes_a_supervisor_that_is_stopped_again,
    disconnect_wakes_a_stopped_supervisor,
}

fn sigterm_wakes_a_stopped_supervisor(tool: Tool) {
    let (workspace, runner) = stopped(tool);
    runner.signal(Signal::SIGTERM);
    assert_cancelled(&workspace, runner);
}

fn cancel_line_wakes_a_stopped_supervisor(tool: Tool) {
    let (workspace, mut runner) = stopped(tool);
    runner.control(r#"{"type":"cancel"}"#);
    assert_cancelled(&workspace, runner);
}

fn cancel_command_wakes_a_stopped_supervisor(tool: Tool) {
    let (workspace, runner) = stopped(tool);
    assert_accepted(&Launch::on_run_dir(&workspace, "cancel", &[]).run().result());
    assert_cancelled(&workspace, runner);
}

fn forced_cancel_command_wakes_a_stopped_supervisor(tool: Tool) {
    let (workspace, runner) = stopped(tool);
    let forced = Launch::on_run_dir(&workspace, "cancel", &["--force"]);
    assert_accepted(&forced.run().result());
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    ending.assert_outcome(&ending.streamed_result(), "killed");
}

/// The tool is in a state write when the second signal arrives.
fn second_signal_wakes_a_supervisor_that_is_stopped_again(tool: Tool) {
    let (workspace, mut runner) = stopped(tool);
    workspace.server().take_writes(Writes::Held);
    runner.signal(Signal::SIGTERM);
    runner.output_with(FIRST_SIGNAL_SEEN);
    let stopped = stop(&[runner.supervisor()]);
    // Earlier, it would count as the same signal.
    wait_until_over(stopped, SECOND_SIGNAL_COUNTS);
    runner.signal(Signal::SIGTERM);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    ending.assert_outcome(&ending.streamed_result(), "killed");
}

fn disconnect_wakes_a_stopped_supervisor(tool: Tool) {
    let (workspace, mut runner) = stopped(tool);
    runner.close_stdout();
    // A front without a reader copies nothing until there is something to copy.
    workspace.wait_until_nothing_runs();
    drop(runner.end());
    workspace.assert_state_is_complete();
    workspace.assert_lock_is_released();
}

/// Returns an apply in progress whose supervisor is stopped.
fn stopped(tool: Tool) -> (Workspace, Runner) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    runner.event_of_type("started");
    workspace.wait_until_in_flight();
    workspace.server().take_writes(Writes::Slow(SLOW_WRITE));
    stop(&[runner.supervisor()]);
    (workspace, runner)
}

#[track_caller]
fn assert_cancelled(workspace: &Workspace, runner: Runner) {
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    assert_state_is_safe(workspace, &ending, &result, "cancelled");
    assert_eq!(result["stop_reason"], "cancel", "{result:#}");
}

#[track_caller]
fn assert_accepted(answer: &Value) {
    assert_eq!(answer["requested"], true, "{answer:#}");
    let message = answer["message"].as_str().expect("a sentence");
    assert!(!message.contains("not confirmed"), "{message}");
}
