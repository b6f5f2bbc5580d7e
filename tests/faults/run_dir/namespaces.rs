//! `cancel` and `attach` from another PID namespace, as from another container.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::ending::{Ending, assert_stopped_in_order};
use crate::support::mark::is_alive;
use crate::support::runner::{Launch, Runner};
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools! {
    cancel_from_another_pid_namespace_stops_the_run,
    cancel_into_another_pid_namespace_stops_the_run,
    a_stranger_of_the_same_pid_gets_no_signal,
    attach_from_another_namespace_does_not_say_that_the_tool_is_gone,
}

/// A new PID namespace with its own `/proc`.
const APART: [&str; 6] = [
    "unshare",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
];

fn in_flight(workspace: &Workspace) -> Runner {
    let mut runner = Launch::stream(workspace, &workspace.apply()).start();
    runner.output_with(IN_FLIGHT_LINE);
    runner
}

#[track_caller]
fn assert_is_stopped(workspace: &Workspace, runner: Runner) {
    let ending = runner.end_and(|| workspace.mark.assert_nothing_is_left_alive());
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    assert_stopped_in_order(workspace, &result, "cancel");
}

fn cancel_from_another_pid_namespace_stops_the_run(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let runner = in_flight(&workspace);
    let cancelled = Launch::on_run_dir(&workspace, "cancel", &[])
        .under(&APART)
        .run();
    assert_eq!(
        cancelled.result()["requested"],
        true,
        "{}",
        cancelled.text()
    );
    assert_is_stopped(&workspace, runner);
}

fn cancel_into_another_pid_namespace_stops_the_run(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let mut runner = Launch::stream(&workspace, &workspace.apply())
        .under(&APART)
        .start();
    runner.output_with(IN_FLIGHT_LINE);
    let cancelled = Launch::on_run_dir(&workspace, "cancel", &[]).run();
    assert_eq!(
        cancelled.result()["requested"],
        true,
        "{}",
        cancelled.text()
    );
    assert_is_stopped(&workspace, runner);
}

/// A namespace in which an unrelated process has a given process id.
struct Elsewhere {
    /// Killing it ends everything in the namespace.
    init: Child,
    stranger_outside: i32,
}

impl Elsewhere {
    #[track_caller]
    fn with_stranger(pid: i32) -> Self {
        let script = format!(
            "echo {} >/proc/sys/kernel/ns_last_pid; sleep 600 & echo $! >&2; wait",
            pid - 1
        );
        let init = Command::new(APART[0])
            .args(&APART[1..])
            .args(["sh", "-c", &script])
            .stderr(Stdio::piped())
            .spawn()
            .expect("`unshare` starts");
        let unshare = i32::try_from(init.id()).expect("a pid");
        let stranger_outside = wait_for("the stranger", SOON, || {
            let shell = child_of(unshare)?;
            let sleep = child_of(shell)?;
            (pid_inside(sleep) == Some(pid)).then_some(sleep)
        });
        Self {
            init,
            stranger_outside,
        }
    }

    /// Returns a command that starts a program there.
    fn entrance(&self) -> [String; 6] {
        let target = self.stranger_outside.to_string();
        ["nsenter", "--target", &target, "--pid", "--mount", "--"].map(str::to_owned)
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}

fn child_of(parent: i32) -> Option<i32> {
    crate::support::mark::children(parent).first().copied()
}

/// Returns the process id of a process in its own namespace.
fn pid_inside(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("NSpid:"))?;
    line.split_whitespace().last()?.parse().ok()
}

/// Changes the record to that of a file system without sockets.
fn take_socket_away(run_dir: &Path) {
    fs::remove_file(run_dir.join("control.sock")).expect("the supervisor listens");
    change_supervisor(run_dir, |supervisor| supervisor["listens"] = json!(false));
}

fn change_supervisor(run_dir: &Path, change: impl FnOnce(&mut Value)) {
    let file = run_dir.join("supervisor.json");
    let text = fs::read(&file).expect("the supervisor says who it is");
    let mut supervisor = serde_json::from_slice(&text).expect("JSON");
    change(&mut supervisor);
    fs::write(&file, supervisor.to_string()).expect("it can be written");
}

#[track_caller]
fn assert_nothing_was_sent(cancelled: &Ending, says: &str) {
    let answer = cancelled.result();
    assert_eq!(answer["requested"], false, "{answer:#}");
    assert_eq!(cancelled.status, Some(1), "{answer:#}");
    let message = answer["message"].as_str().expect("text");
    assert!(message.starts_with("nothing was sent: "), "{message}");
    assert!(message.contains(says), "{message}");
}

fn a_stranger_of_the_same_pid_gets_no_signal(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let runner = in_flight(&workspace);
    let supervisor = runner.supervisor();
    take_socket_away(&workspace.run_dir());
    let elsewhere = Elsewhere::with_stranger(supervisor);
    let entrance = elsewhere.entrance();
    let entrance: Vec<&str> = entrance.iter().map(String::as_str).collect();
    for force in [&[][..], &["--force"]] {
        let cancelled = Launch::on_run_dir(&workspace, "cancel", force)
            .under(&entrance)
            .run();
        assert_nothing_was_sent(&cancelled, "another PID namespace");
        assert!(is_alive(elsewhere.stranger_outside), "the stranger was hit");
    }
    assert!(is_alive(supervisor));

    // In its own namespace, the process is identified with certainty.
    let cancelled = Launch::on_run_dir(&workspace, "cancel", &[]).run();
    assert_eq!(
        cancelled.result()["requested"],
        true,
        "{}",
        cancelled.text()
    );
    assert_is_stopped(&workspace, runner);
}

fn attach_from_another_namespace_does_not_say_that_the_tool_is_gone(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Server);
    let runner = in_flight(&workspace);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(runner.supervisor()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .expect("the supervisor is alive");
    runner.end();
    let said = |ending: Ending| {
        let result = ending.result();
        ending.assert_outcome(&result, "unknown");
        result["error_msg"].as_str().expect("text").to_owned()
    };
    let attach = || Launch::on_run_dir(&workspace, "attach", &[]);
    let here = said(attach().run());
    assert!(here.contains("still runs as process"), "{here}");
    let there = said(attach().under(&APART).run());
    assert!(there.contains("cannot be seen from here"), "{there}");
    assert!(!there.contains("is gone"), "{there}");
    workspace.let_go();
    workspace.wait_until_nothing_runs();
    let after = said(attach().run());
    assert!(after.contains("is gone"), "{after}");
}
