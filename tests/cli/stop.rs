//! An apply that is stopped in the middle: by its timeout, and by each way to cancel.

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::ending::{
    assert_owns_up_to_the_kill, assert_state_is_not_painted, assert_stopped_in_order,
};
use crate::support::runner::{Launch, Runner};
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools_and_backends! {
    a_timeout_ends_in_timed_out_with_the_state_complete,
    sigterm_to_the_runner_ends_in_cancelled_with_the_state_complete,
    sigint_to_the_runner_ends_in_cancelled_with_the_state_complete,
    a_cancel_line_ends_in_cancelled_with_the_state_complete,
    the_cancel_command_ends_in_cancelled_with_the_state_complete,
    a_forced_cancel_line_ends_in_killed_at_once,
    a_forced_cancel_command_ends_in_killed_at_once,
}

/// A way to cancel a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cancel {
    Sigterm,
    Sigint,
    ControlLine,
    Command,
}

impl Cancel {
    pub(crate) const ALL: [Self; 4] = [
        Self::Sigterm,
        Self::Sigint,
        Self::ControlLine,
        Self::Command,
    ];

    /// Returns whether a second one long after the first means force.
    pub(crate) const fn is_a_signal(self) -> bool {
        matches!(self, Self::Sigterm | Self::Sigint)
    }

    /// Requests it once.
    #[track_caller]
    pub(crate) fn ask(self, workspace: &Workspace, runner: &mut Runner) {
        match self {
            Self::Sigterm => runner.signal(Signal::SIGTERM),
            Self::Sigint => runner.signal(Signal::SIGINT),
            Self::ControlLine => runner.control(r#"{"type":"cancel"}"#),
            Self::Command => run_cancel_command(workspace, &[]),
        }
    }
}

fn a_timeout_ends_in_timed_out_with_the_state_complete(tool: Tool, backend: Backend) {
    let (workspace, runner) = in_flight_under_a_timeout(tool, backend, Launch::request, |_| ());
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "timed_out");
    assert_stopped_in_order(&workspace, &result, "timeout");
}

/// Minutes, tried in order: on a busy machine the first may pass before the slow resource is in progress.
const TIMEOUTS: [f64; 3] = [0.15, 0.5, 1.5];

/// Starts an apply with a timeout, and waits until its slow resource is in progress.
#[track_caller]
pub(crate) fn in_flight_under_a_timeout(
    tool: Tool,
    backend: Backend,
    launch: fn(&Workspace, &Value) -> Launch,
    prepare: fn(&Workspace),
) -> (Workspace, Runner) {
    for minutes in TIMEOUTS {
        let workspace = Workspace::new(tool, backend);
        prepare(&workspace);
        let mut request = workspace.apply();
        request["timeout"] = json!(minutes);
        let mut runner = launch(&workspace, &request).start();
        if workspace.gets_in_flight_before(|| runner.has_ended()) {
            return (workspace, runner);
        }
    }
    panic!("every timeout of {TIMEOUTS:?} minutes ran out before the apply was in flight");
}

fn sigterm_to_the_runner_ends_in_cancelled_with_the_state_complete(tool: Tool, backend: Backend) {
    cancelled(tool, backend, Cancel::Sigterm);
}

fn sigint_to_the_runner_ends_in_cancelled_with_the_state_complete(tool: Tool, backend: Backend) {
    cancelled(tool, backend, Cancel::Sigint);
}

fn a_cancel_line_ends_in_cancelled_with_the_state_complete(tool: Tool, backend: Backend) {
    cancelled(tool, backend, Cancel::ControlLine);
}

fn the_cancel_command_ends_in_cancelled_with_the_state_complete(tool: Tool, backend: Backend) {
    cancelled(tool, backend, Cancel::Command);
}

fn cancelled(tool: Tool, backend: Backend, cancel: Cancel) {
    let workspace = Workspace::new(tool, backend);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    cancel.ask(&workspace, &mut runner);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(&workspace, &result, "cancel");
}

fn a_forced_cancel_line_ends_in_killed_at_once(tool: Tool, backend: Backend) {
    killed(tool, backend, |_, runner| {
        runner.control(r#"{"type":"cancel","force":true}"#);
    });
}

fn a_forced_cancel_command_ends_in_killed_at_once(tool: Tool, backend: Backend) {
    killed(tool, backend, |workspace, _| {
        run_cancel_command(workspace, &["--force"]);
    });
}

fn killed(tool: Tool, backend: Backend, force: impl FnOnce(&Workspace, &mut Runner)) {
    let workspace = Workspace::new(tool, backend);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    force(&workspace, &mut runner);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "killed");
    assert_eq!(result["stop_reason"], "cancel", "{result:#}");
    assert_eq!(result["signal"], "SIGKILL", "{result:#}");
    assert_eq!(result["exit_code"], 137, "{result:#}");
    assert_state_is_not_painted(&workspace, &result);
    assert_owns_up_to_the_kill(&result);
}

#[track_caller]
fn run_cancel_command(workspace: &Workspace, args: &[&str]) {
    let ending = Launch::on_run_dir(workspace, "cancel", args).run();
    assert_eq!(ending.status, Some(0), "{}{}", ending.text(), ending.stderr);
}
