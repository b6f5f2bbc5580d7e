//! An apply that is stopped again while it stops: the tool never gets a second signal.

use std::time::Duration;

use serde_json::json;

use super::stop::Cancel;
use crate::support::ending::assert_stopped_in_order;
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::state_server::Writes;
use crate::support::tools::Tool;
use crate::support::waiting::SOON;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    two_sigterms_while_a_state_write_takes_six_seconds_lose_nothing,
    two_sigints_while_a_state_write_takes_six_seconds_lose_nothing,
    two_cancel_lines_while_a_state_write_takes_six_seconds_lose_nothing,
    two_cancel_commands_while_a_state_write_takes_six_seconds_lose_nothing,
    a_cancel_after_the_timeout_while_a_state_write_takes_six_seconds_loses_nothing,
    the_tool_gets_one_sigint_and_no_other_signal_however_often_it_is_cancelled,
}

/// What it takes to write the state once.
const SLOW_WRITE: Duration = Duration::from_secs(6);

fn two_sigterms_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::Sigterm);
}

fn two_sigints_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::Sigint);
}

fn two_cancel_lines_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::ControlLine);
}

fn two_cancel_commands_while_a_state_write_takes_six_seconds_lose_nothing(tool: Tool) {
    cancelled_twice(tool, Cancel::Command);
}

fn cancelled_twice(tool: Tool, cancel: Cancel) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    let server = workspace.server();
    server.take_writes(Writes::Slow(SLOW_WRITE));
    let writes = server.count("POST");
    cancel.ask(&workspace, &mut runner);
    server.wait_for_more("POST", writes, SOON);
    cancel.ask(&workspace, &mut runner);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(&workspace, &result, "cancel");
}

fn a_cancel_after_the_timeout_while_a_state_write_takes_six_seconds_loses_nothing(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut request = workspace.apply();
    request["timeout"] = json!(0.15);
    let mut runner = Launch::request(&workspace, &request).start();
    workspace.wait_until_in_flight();
    let server = workspace.server();
    server.take_writes(Writes::Slow(SLOW_WRITE));
    server.wait_for_more("POST", server.count("POST"), SOON);
    for cancel in Cancel::ALL {
        cancel.ask(&workspace, &mut runner);
    }
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "timed_out");
    assert_stopped_in_order(&workspace, &result, "timeout");
}

fn the_tool_gets_one_sigint_and_no_other_signal_however_often_it_is_cancelled(tool: Tool) {
    let fake = FakeTool::noting_signals(tool, "while [ ! -e go ]; do sleep 0.02; done; exit 1");
    let mut runner = Launch::stream(&fake.workspace, &fake.apply()).start();
    fake.workspace.wait_until_in_flight();
    Cancel::ControlLine.ask(&fake.workspace, &mut runner);
    fake.wait_for_a_signal();
    for cancel in Cancel::ALL {
        cancel.ask(&fake.workspace, &mut runner);
    }
    // What comes back for a bad line says that the lines before it have been read.
    runner.control("no control line");
    runner.event_of_type("warning");
    fake.workspace.let_go();
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_eq!(fake.signals(), ["INT"]);
}
