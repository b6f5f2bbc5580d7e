//! More control lines than any buffer holds: a stop still takes effect.

use std::io::Write;
use std::process::ChildStdin;
use std::thread::{self, JoinHandle};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::ending::{assert_stopped_in_order, warnings};
use crate::support::fake_tool::FakeTool;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    cancel_is_heard_behind_thirty_thousand_bad_lines,
    sigterm_is_heard_behind_thirty_thousand_bad_lines,
    cancel_is_heard_within_endless_bad_lines,
    sigterm_is_heard_within_endless_bad_lines,
    endless_cancel_lines_do_not_hold_the_grace_up,
}

const BAD: &[u8] = b"no control line\n";
const CANCEL: &[u8] = b"{\"type\":\"cancel\"}\n";
/// Reported one by one, and one warning that no more will be reported.
const MOST_WARNINGS: usize = 11;

fn cancel_is_heard_behind_thirty_thousand_bad_lines(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    let mut stdin = runner.take_stdin();
    stdin
        .write_all(&BAD.repeat(30_000))
        .expect("the front reads");
    stdin.write_all(CANCEL).expect("the front reads");
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(&workspace, &result, "cancel");
    let events = ending.events();
    assert_eq!(warnings(&events).len(), MOST_WARNINGS);
    assert!(ending.stderr.contains("29990 more"), "{}", ending.stderr);
}

fn sigterm_is_heard_behind_thirty_thousand_bad_lines(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    let mut stdin = runner.take_stdin();
    stdin
        .write_all(&BAD.repeat(30_000))
        .expect("the front reads");
    runner.signal(Signal::SIGTERM);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    assert_is_cancelled(&workspace, &ending.result());
    assert!(ending.stderr.lines().count() <= MOST_WARNINGS + 1);
}

/// The cancel follows far more lines than any buffer holds, and bad lines follow it.
fn cancel_is_heard_within_endless_bad_lines(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    workspace.wait_until_in_flight();
    let mut before = BAD.repeat(200_000);
    before.extend_from_slice(CANCEL);
    let writer = write_endlessly(runner.take_stdin(), before, BAD);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    assert_is_cancelled(&workspace, &ending.result());
    writer.join().expect("it ends with its reader");
}

fn sigterm_is_heard_within_endless_bad_lines(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::request(&workspace, &workspace.apply()).start();
    let writer = write_endlessly(runner.take_stdin(), Vec::new(), BAD);
    workspace.wait_until_in_flight();
    runner.signal(Signal::SIGTERM);
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    assert_is_cancelled(&workspace, &ending.result());
    writer.join().expect("it ends with its reader");
}

/// A tool that does not stop is killed after its grace, however often it is cancelled.
fn endless_cancel_lines_do_not_hold_the_grace_up(tool: Tool) {
    let fake = FakeTool::noting_signals(tool, "while :; do sleep 0.05; done");
    let mut request = fake.apply();
    request["grace_seconds"] = json!(0.5);
    let mut runner = Launch::request(&fake.workspace, &request).start();
    fake.workspace.wait_until_in_flight();
    let writer = write_endlessly(runner.take_stdin(), Vec::new(), CANCEL);
    let ending = runner.end_and(|| fake.workspace.mark.assert_nothing_is_left_alive());
    ending.assert_outcome(&ending.result(), "killed");
    writer.join().expect("it ends with its reader");
}

#[track_caller]
fn assert_is_cancelled(workspace: &Workspace, result: &Value) {
    assert_eq!(result["outcome"], "cancelled", "{result:#}");
    assert_stopped_in_order(workspace, result, "cancel");
}

/// Writes until the reader is gone.
fn write_endlessly(mut stdin: ChildStdin, before: Vec<u8>, line: &'static [u8]) -> JoinHandle<()> {
    thread::spawn(move || {
        let lines = line.repeat(500);
        let _ = stdin.write_all(&before);
        while stdin.write_all(&lines).is_ok() {}
    })
}
