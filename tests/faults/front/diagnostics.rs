//! A blocked stderr: it changes no outcome and delays nothing.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::ending::assert_stopped_in_order;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::waiting::{WITHIN_A_TEST, wait_for};
use crate::support::workspace::{Backend, Workspace};

mod on_tools_and_backends {
    use super::*;

    on_both_tools_and_backends! {
        a_stderr_that_is_never_read_leaves_sigterm_working,
    }

    fn a_stderr_that_is_never_read_leaves_sigterm_working(tool: Tool, backend: Backend) {
        let workspace = Workspace::new(tool, backend);
        let (_reader, writer) = io::pipe().expect("a pipe");
        let request = apply_with_warnings(&workspace);
        let runner = Launch::request(&workspace, &request).stderr(writer).start();
        workspace.wait_until_in_flight();
        runner.signal(Signal::SIGTERM);
        let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
        let result = ending.result();
        ending.assert_outcome(&result, "cancelled");
        assert_stopped_in_order(&workspace, &result, "cancel");
    }
}

on_both_tools! {
    a_full_device_as_stderr_changes_nothing,
    a_stderr_without_a_reader_changes_nothing,
    a_closed_stderr_changes_nothing,
    a_stderr_that_is_never_read_changes_nothing,
    a_stderr_whose_reader_goes_away_in_mid_apply_changes_nothing,
    stdout_and_stderr_without_a_reader_stop_the_run_in_order,
}

/// Each causes a line on stderr: more than a pipe holds.
const WARNINGS: usize = 5000;

/// Returns an apply with many warnings.
fn apply_with_warnings(workspace: &Workspace) -> Value {
    let mut request = workspace.apply();
    request["secrets"] = json!(vec!["short"; WARNINGS]);
    request
}

fn a_full_device_as_stderr_changes_nothing(tool: Tool) {
    assert_applies(tool, |launch| launch.redirected("2>/dev/full"));
}

fn a_stderr_without_a_reader_changes_nothing(tool: Tool) {
    let (reader, writer) = io::pipe().expect("a pipe");
    drop(reader);
    assert_applies(tool, |launch| launch.stderr(writer));
}

fn a_closed_stderr_changes_nothing(tool: Tool) {
    assert_applies(tool, |launch| launch.redirected("2>&-"));
}

fn a_stderr_that_is_never_read_changes_nothing(tool: Tool) {
    let (_reader, writer) = io::pipe().expect("a pipe");
    assert_applies(tool, |launch| launch.stderr(writer));
}

#[track_caller]
fn assert_applies(tool: Tool, with_stderr: impl FnOnce(Launch) -> Launch) {
    let workspace = Workspace::new(tool, Backend::Server);
    let request = apply_with_warnings(&workspace);
    let runner = with_stderr(Launch::request(&workspace, &request)).start();
    workspace.wait_until_in_flight();
    workspace.let_go();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["stop_reason"], Value::Null, "{result:#}");
    workspace.assert_everything_was_applied();
    workspace.assert_lock_is_released();
}

fn a_stderr_whose_reader_goes_away_in_mid_apply_changes_nothing(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let (reader, writer) = io::pipe().expect("a pipe");
    let mut runner = Launch::request(&workspace, &workspace.apply())
        .stderr(writer)
        .start();
    workspace.wait_until_in_flight();
    drop(reader);
    for _ in 0..3 {
        runner.control("no control line");
    }
    workspace.let_go();
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.result();
    ending.assert_outcome(&result, "succeeded");
    workspace.assert_everything_was_applied();
}

/// The run is stopped because of its stdout, as usual, and stderr does not kill the runner.
fn stdout_and_stderr_without_a_reader_stop_the_run_in_order(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::request(&workspace, &apply_with_warnings(&workspace))
        .redirected("2>&1")
        .start();
    workspace.wait_until_in_flight();
    runner.close_stdout();
    let attached = Launch::on_run_dir(&workspace, "attach", &[])
        .start()
        .end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = attached.result();
    attached.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(&workspace, &result, "disconnect");
    assert_eq!(runner.end().status, Some(5));
}

#[test]
fn what_a_full_stderr_did_not_take_is_counted() {
    let workspace = Workspace::new(Tool::Terraform, Backend::Local);
    let (mut reader, mut writer) = io::pipe().expect("a pipe");
    fill(&mut writer);
    let request = apply_with_warnings(&workspace);
    let runner = Launch::request(&workspace, &request).stderr(writer).start();
    workspace.wait_until_in_flight();
    let text = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&text);
    let reading = thread::spawn(move || {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(len @ 1..) = reader.read(&mut piece) {
            let piece = str::from_utf8(&piece[..len]).expect("ASCII");
            seen.lock().expect("no panic").push_str(piece);
        }
    });
    wait_for("every warning, told or counted", WITHIN_A_TEST, || {
        let (told, dropped) = told_and_dropped(&text.lock().expect("no panic"));
        (dropped > 0 && told + dropped == WARNINGS).then_some(())
    });
    workspace.let_go();
    let ending = runner.end();
    ending.assert_outcome(&ending.result(), "succeeded");
    reading.join().expect("a reader");
    let (told, dropped) = told_and_dropped(&text.lock().expect("no panic"));
    assert_eq!(told + dropped, WARNINGS);
}

/// Returns how many diagnostics were printed, and how many were dropped.
fn told_and_dropped(text: &str) -> (usize, usize) {
    let (mut told, mut dropped) = (0, 0);
    let lines = text.trim_start_matches('x').split_inclusive('\n');
    for line in lines.filter_map(|line| line.strip_suffix('\n')) {
        let sentence = line.strip_prefix("iac-runner: ").expect("our own line");
        match sentence.strip_suffix(" diagnostics were dropped") {
            Some(count) => dropped += count.parse::<usize>().expect("a number"),
            None => told += 1,
        }
    }
    (told, dropped)
}

#[test]
fn a_usage_error_is_told_though_stderr_is_full() {
    let workspace = Workspace::not_initialised(Tool::Terraform, Backend::Local, "");
    let (_reader, mut writer) = io::pipe().expect("a pipe");
    fill(&mut writer);
    let ending = Launch::new(&workspace, &["--no-such-option"])
        .stderr(writer)
        .run();
    ending.assert_outcome(&ending.result(), "invalid_request");
}

/// Fills a pipe, and makes it blocking again.
fn fill(pipe: &mut (impl Write + AsFd)) {
    let flags = OFlag::from_bits_retain(fcntl(&*pipe, FcntlArg::F_GETFL).expect("flags"));
    fcntl(&*pipe, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).expect("flags are set");
    while pipe.write(&[b'x'; 4096]).is_ok() {}
    fcntl(&*pipe, FcntlArg::F_SETFL(flags)).expect("flags are set");
}
