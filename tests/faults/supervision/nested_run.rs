//! A provisioner that runs the tool on another configuration: that run could lose its own state.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::ending::Ending;
use crate::support::runner::{Launch, Runner};
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    nested_run_that_outlives_a_cancelled_tool_stops_in_order,
    nested_run_in_a_session_of_its_own_stops_in_order,
    nested_run_that_outlives_a_successful_tool_stops_in_order,
    nested_run_that_was_interrupted_by_its_parent_gets_no_second_signal,
}

/// In seconds; long enough for a busy machine.
const GRACE: u32 = 120;
/// Longer than the outer run needs to end.
const SLOW_WRITE: Duration = Duration::from_secs(4);

fn nested_run_that_outlives_a_cancelled_tool_stops_in_order(tool: Tool) {
    cancelled(tool, "NESTED >nested.log 2>&1; exit $?");
}

fn nested_run_in_a_session_of_its_own_stops_in_order(tool: Tool) {
    cancelled(tool, "setsid -w NESTED >nested.log 2>&1; exit $?");
}

/// The shell forwards the signal of its group, and the outer tool ends before the nested one.
fn nested_run_that_was_interrupted_by_its_parent_gets_no_second_signal(tool: Tool) {
    cancelled(
        tool,
        "setsid NESTED >nested.log 2>&1 & CHILD=$!; trap \"kill -INT $CHILD\" INT; wait; wait; exit 1",
    );
}

/// The provisioner leaves it in the background; the outer run applies everything and ends.
fn nested_run_that_outlives_a_successful_tool_stops_in_order(tool: Tool) {
    let (outer, nested, runner) = in_flight(tool, "NESTED >nested.log 2>&1 & exit 0");
    let (ending, result) = ended(&outer, runner);
    ending.assert_outcome(&result, "succeeded");
    outer.assert_lock_is_released();
    nested.assert_state_is_complete();
    nested.assert_lock_is_released();
}

fn cancelled(tool: Tool, script: &str) {
    let (outer, nested, mut runner) = in_flight(tool, script);
    runner.control(r#"{"type":"cancel"}"#);
    let (ending, result) = ended(&outer, runner);
    ending.assert_outcome(&result, "cancelled");
    outer.assert_lock_is_released();
    nested.assert_state_is_complete();
    nested.assert_lock_is_released();
}

/// Returns two applies in progress, the nested one with slow state writes. It prints to a file: a pipe would break with
/// the outer run and kill it.
fn in_flight(tool: Tool, script: &str) -> (Workspace, Workspace, Runner) {
    let nested = Workspace::new(tool, Backend::Server);
    let call = format!(
        "{} -chdir={} apply -auto-approve -no-color",
        tool.program().display(),
        nested.work_dir().display()
    );
    let script = script.replace("NESTED", &call);
    let outer = Workspace::with_in_flight(tool, Backend::Server, &script);
    let mut request = outer.apply();
    request["grace_seconds"] = json!(GRACE);
    let runner = Launch::stream(&outer, &request).start();
    nested.wait_until_in_flight();
    nested.server().take_writes(Writes::Slow(SLOW_WRITE));
    (outer, nested, runner)
}

fn ended(outer: &Workspace, runner: Runner) -> (Ending, Value) {
    let ending = runner.end_and(|| outer.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    (ending, result)
}
