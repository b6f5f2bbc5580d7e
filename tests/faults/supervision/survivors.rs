//! Processes that the runner cannot see or may not kill: the result, or a warning next to it, names them.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::ending::{Ending, warnings};
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::waiting::{SOON, wait_for};
use crate::support::workspace::{Backend, Workspace};

on_both_tools! {
    a_daemon_is_told_of_where_proc_is_not_mounted,
    a_daemon_is_told_of_in_the_result_of_a_cancel_without_proc,
    nothing_is_told_of_where_nothing_survives_without_proc,
    a_survivor_of_another_user_is_told_of_after_a_success,
    a_survivor_of_another_user_is_told_of_after_a_cancel,
}

/// Leaves a process in its own session behind, and writes its pid.
const LEAVES_A_DAEMON: &str = "\
setsid sh -c 'trap \"\" INT; echo $$ >daemon.new; mv daemon.new daemon; exec sleep 600' \
>/dev/null 2>&1 </dev/null & \
while [ ! -e daemon ]; do sleep 0.02; done; \
touch ready; while [ ! -e go ]; do sleep 0.05; done";

/// The same as root, for a tool that is not.
const LEAVES_A_DAEMON_OF_ROOT: &str = "\
setsid ./as_root --reuid 0 --regid 0 --clear-groups \
sh -c 'trap \"\" INT; echo $$ >daemon.new; mv daemon.new daemon; exec sleep 600' \
>/dev/null 2>&1 </dev/null & \
while [ ! -e daemon ]; do sleep 0.02; done; \
touch ready; while [ ! -e go ]; do sleep 0.05; done";

/// Hides `/proc` from the command after it.
const WITHOUT_PROC: [&str; 7] = [
    "unshare",
    "--mount",
    "--",
    "/bin/sh",
    "-c",
    "mount -t tmpfs none /proc && exec \"$@\"",
    "sh",
];

/// A user that is not root.
const USER: u32 = 12_345;

fn a_daemon_is_told_of_where_proc_is_not_mounted(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Local, LEAVES_A_DAEMON);
    workspace.let_go();
    let _daemon = Daemon(&workspace);
    let (ending, result) = run(without_proc(&workspace));
    ending.assert_outcome(&result, "succeeded");
    workspace.assert_everything_was_applied();
    assert_is_warned_of(&ending, "is still alive, and `/proc` does not show what");
    assert_eq!(result["output_complete"], false, "{result:#}");
}

fn a_daemon_is_told_of_in_the_result_of_a_cancel_without_proc(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Local, LEAVES_A_DAEMON);
    let _daemon = Daemon(&workspace);
    let (ending, result) = cancelled(&workspace, without_proc(&workspace));
    let error_msg = result["error_msg"].as_str().expect("text");
    assert!(error_msg.contains("`/proc` does not show"), "{error_msg}");
    assert_is_warned_of(&ending, "`/proc` does not show");
}

fn nothing_is_told_of_where_nothing_survives_without_proc(tool: Tool) {
    let workspace = Workspace::new(tool, Backend::Local);
    workspace.let_go();
    let (ending, result) = run(without_proc(&workspace));
    ending.assert_outcome(&result, "succeeded");
    assert_eq!(result["output_complete"], true, "{result:#}");
    let events = ending.events();
    assert_eq!(warnings(&events), [""; 0]);
}

fn a_survivor_of_another_user_is_told_of_after_a_success(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Local, LEAVES_A_DAEMON_OF_ROOT);
    workspace.let_go();
    let _daemon = Daemon(&workspace);
    let (ending, result) = run(as_user(&workspace));
    ending.assert_outcome(&result, "succeeded");
    assert_is_warned_of(&ending, &told_of(&workspace));
}

fn a_survivor_of_another_user_is_told_of_after_a_cancel(tool: Tool) {
    let workspace = Workspace::with_in_flight(tool, Backend::Local, LEAVES_A_DAEMON_OF_ROOT);
    let _daemon = Daemon(&workspace);
    let (_, result) = cancelled(&workspace, as_user(&workspace));
    let error_msg = result["error_msg"].as_str().expect("text");
    assert!(error_msg.contains(&told_of(&workspace)), "{error_msg}");
}

fn told_of(workspace: &Workspace) -> String {
    let pid = daemon(workspace).expect("the daemon has written its pid");
    format!("run as another user and could not be ended: {pid}")
}

fn without_proc(workspace: &Workspace) -> Launch {
    Launch::stream(workspace, &workspace.apply()).under(&WITHOUT_PROC)
}

/// Returns a run by a user other than root, with a program that runs as root for any user.
fn as_user(workspace: &Workspace) -> Launch {
    let helper = workspace.work_dir().join("as_root");
    fs::copy("/usr/bin/setpriv", &helper).expect("setpriv is copied");
    workspace.give_to(USER);
    chown(&helper, Some(0), Some(0)).expect("the tests run as root");
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o4755)).expect("it is ours");
    let user = USER.to_string();
    let as_user = [
        "setpriv",
        "--reuid",
        &user,
        "--regid",
        &user,
        "--clear-groups",
        "--",
    ];
    Launch::stream(workspace, &workspace.apply()).under(&as_user)
}

fn run(launch: Launch) -> (Ending, Value) {
    let ending = launch.run();
    let result = ending.streamed_result();
    (ending, result)
}

fn cancelled(workspace: &Workspace, launch: Launch) -> (Ending, Value) {
    let mut runner = launch.start();
    workspace.wait_until_in_flight();
    runner.control(r#"{"type":"cancel"}"#);
    let ending = runner.end();
    let result = ending.streamed_result();
    ending.assert_outcome(&result, "cancelled");
    workspace.assert_state_is_complete();
    (ending, result)
}

#[track_caller]
fn assert_is_warned_of(ending: &Ending, wanted: &str) {
    let events = ending.events();
    let warnings = warnings(&events);
    assert!(
        warnings.iter().any(|warning| warning.contains(wanted)),
        "{warnings:#?}"
    );
}

fn daemon(workspace: &Workspace) -> Option<i32> {
    let pid = fs::read_to_string(workspace.work_dir().join("daemon")).ok()?;
    pid.trim().parse().ok()
}

/// Ends the daemon with the test.
struct Daemon<'a>(&'a Workspace);

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        if let Some(pid) = daemon(self.0) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            if !std::thread::panicking() {
                wait_for("the end of the daemon", SOON, || {
                    self.0.mark.carriers().is_empty().then_some(())
                });
            }
        }
    }
}
