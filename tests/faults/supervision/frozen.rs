//! A stopped supervisor, and a frozen machine: time in which nothing runs does not count.

use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::{FIRST_SIGNAL_SEEN, assert_state_is_safe};
use crate::support::freezer::Freezer;
use crate::support::mark::state_of;
use crate::support::runner::{Launch, Runner};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_tool_that_ends_while_the_supervisor_is_stopped_succeeds,
    a_stopped_supervisor_kills_no_tool_that_has_ended,
    a_stop_of_everything_does_not_use_up_the_timeout,
    a_stop_of_everything_does_not_use_up_the_grace,
    a_frozen_group_does_not_use_up_the_grace,
}

/// Short for a test, but longer than a real tool needs until its apply is in progress.
const TIMEOUT: Duration = Duration::from_secs(12);
/// Longer than the tool needs to end once its state is written.
const GRACE: Duration = Duration::from_secs(6);
/// Duration of a state write; the tool waits for it during its grace period.
const SLOW_WRITE: Duration = Duration::from_secs(2);
/// Longer than timeout and grace together.
const STOPPED: Duration = Duration::from_secs(19);

fn a_tool_that_ends_while_the_supervisor_is_stopped_succeeds(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let (runner, tool) = start(&workspace);
    let supervisor = [runner.supervisor()];
    let stopped = stop(&supervisor);
    workspace.let_go();
    wait_for("the end of the tool", WITHIN_A_TEST, || {
        (state_of(tool)? == 'Z').then_some(())
    });
    wait_until_over(stopped, STOPPED);
    signal(&supervisor, Signal::SIGCONT);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["stop_reason"], Value::Null, "{result:#}");
    workspace.assert_everything_was_applied();
}

fn a_stopped_supervisor_kills_no_tool_that_has_ended(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let (mut runner, tool) = start(&workspace);
    cancel(&workspace, &mut runner);
    let supervisor = [runner.supervisor()];
    let stopped = stop(&supervisor);
    wait_for("the end of the tool", WITHIN_A_TEST, || {
        (state_of(tool)? == 'Z').then_some(())
    });
    wait_until_over(stopped, STOPPED);
    signal(&supervisor, Signal::SIGCONT);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    assert_state_is_safe(&workspace, &ending, &result, "cancelled");
}

/// After the thaw, the tool has the rest of its timeout, and ends by itself.
fn a_stop_of_everything_does_not_use_up_the_timeout(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let (runner, _) = start(&workspace);
    let everything = processes(&workspace, &runner);
    let stopped = stop(&everything);
    wait_until_over(stopped, STOPPED);
    workspace.let_go();
    signal(&everything, Signal::SIGCONT);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "succeeded");
    workspace.assert_everything_was_applied();
}

/// The supervisor continues first, so that it sees a tool that has not ended.
fn a_stop_of_everything_does_not_use_up_the_grace(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let (mut runner, _) = start(&workspace);
    cancel(&workspace, &mut runner);
    let everything = processes(&workspace, &runner);
    let stopped = stop(&everything);
    wait_until_over(stopped, STOPPED);
    signal(&everything, Signal::SIGCONT);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    assert_state_is_safe(&workspace, &ending, &result, "cancelled");
}

fn a_frozen_group_does_not_use_up_the_grace(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let (mut runner, _) = start(&workspace);
    let freezer = Freezer::new();
    freezer.take(processes(&workspace, &runner));
    cancel(&workspace, &mut runner);
    freezer.freeze();
    wait_until_over(Instant::now(), STOPPED);
    freezer.thaw();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    assert_state_is_safe(&workspace, &ending, &result, "cancelled");
}

/// Returns an apply in progress, and the pid of its tool.
fn start(workspace: &Workspace) -> (Runner, i32) {
    let mut request = workspace.apply();
    request["timeout"] = json!(TIMEOUT.as_secs_f64() / 60.0);
    request["grace_seconds"] = json!(GRACE.as_secs_f64());
    let mut runner = Launch::stream(workspace, &request).start();
    let tool = runner.tool_pid();
    workspace.wait_until_in_flight();
    (runner, tool)
}

/// Cancels, and returns when the tool has received its signal and is still working.
fn cancel(workspace: &Workspace, runner: &mut Runner) {
    let server = workspace.server();
    server.take_writes(Writes::Slow(SLOW_WRITE));
    runner.control(r#"{"type":"cancel"}"#);
    runner.output_with(FIRST_SIGNAL_SEEN);
}

/// Returns the supervisor, the front, then the tool and all processes that it started.
fn processes(workspace: &Workspace, runner: &Runner) -> Vec<i32> {
    let carriers = workspace.mark.carriers();
    [runner.supervisor(), runner.pid()]
        .into_iter()
        .chain(carriers.iter().map(|carrier| carrier.pid))
        .collect()
}

/// States in which a process that was sent SIGSTOP does nothing more. A process whose child was stopped between vfork
/// and exec sleeps without being stopped itself.
const AT_REST: &str = "TtDZX";

/// Stops processes, the last one first, and returns the time.
pub(super) fn stop(pids: &[i32]) -> Instant {
    let reversed: Vec<i32> = pids.iter().rev().copied().collect();
    signal(&reversed, Signal::SIGSTOP);
    wait_for("processes that are stopped", SOON, || {
        pids.iter()
            .all(|&pid| state_of(pid).is_none_or(|state| AT_REST.contains(state)))
            .then_some(())
    });
    Instant::now()
}

fn signal(pids: &[i32], signal: Signal) {
    for &pid in pids {
        // The child of a shell may have ended in the meantime.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

pub(super) fn wait_until_over(since: Instant, time: Duration) {
    wait_for("time that passes", WITHIN_A_TEST, || {
        (since.elapsed() > time).then_some(())
    });
}
