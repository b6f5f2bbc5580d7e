//! A record whose processes are gone and whose process ids were reused, as after a restart of a container.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::mark::is_alive;
use crate::support::runner::Launch;
use crate::support::tools::Tool;
use crate::support::workspace::{Backend, IN_FLIGHT_LINE, Workspace};

on_both_tools! {
    cancel_sends_no_signal_when_the_supervisor_is_gone,
    cancel_sends_no_signal_when_another_process_has_the_lock,
    attach_does_not_take_a_stranger_for_the_tool,
}

/// A process unrelated to the run, in the working directory of the tool.
struct Stranger(Child);

impl Stranger {
    fn new(workspace: &Workspace) -> Self {
        let child = Command::new("sleep")
            .arg("600")
            .current_dir(workspace.work_dir())
            .spawn();
        Self(child.expect("`sleep` starts"))
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a pid")
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a run whose supervisor was killed in the middle; its tool has ended since.
fn lost(tool: Tool) -> Workspace {
    let workspace = Workspace::new(tool, Backend::Local);
    let mut runner = Launch::stream(&workspace, &workspace.apply()).start();
    runner.output_with(IN_FLIGHT_LINE);
    kill(Pid::from_raw(runner.supervisor()), Signal::SIGKILL).expect("it is alive");
    runner.end();
    workspace.let_go();
    workspace.wait_until_nothing_runs();
    workspace
}

/// Gives the process id of the supervisor to another process.
fn hand_pid_to(run_dir: &Path, stranger: &Stranger, change: impl FnOnce(&mut Value)) {
    fs::write(
        run_dir.join("supervisor.pid"),
        format!("{}\n", stranger.pid()),
    )
    .expect("written");
    let file = run_dir.join("supervisor.json");
    let mut supervisor: Value =
        serde_json::from_slice(&fs::read(&file).expect("it is there")).expect("JSON");
    supervisor["pid"] = json!(stranger.pid());
    supervisor["listens"] = json!(false);
    change(&mut supervisor);
    fs::write(&file, supervisor.to_string()).expect("written");
}

fn start_time(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is alive");
    let (_, fields) = stat.rsplit_once(") ").expect("the name is in parentheses");
    let ticks = fields.split_whitespace().nth(19).expect("the 22nd field");
    ticks.parse().expect("a number")
}

fn cancel(workspace: &Workspace) -> (Value, String) {
    let cancelled = Launch::on_run_dir(workspace, "cancel", &["--force"]).run();
    assert_eq!(cancelled.status, Some(1));
    let answer = cancelled.result();
    let message = answer["message"].as_str().expect("text").to_owned();
    (answer["requested"].clone(), message)
}

fn cancel_sends_no_signal_when_the_supervisor_is_gone(tool: Tool) {
    let workspace = lost(tool);
    let stranger = Stranger::new(&workspace);
    hand_pid_to(&workspace.run_dir(), &stranger, |_| {});
    let (requested, message) = cancel(&workspace);
    assert_eq!(requested, false, "{message}");
    assert!(message.contains("was lost"), "{message}");
    assert!(is_alive(stranger.pid()));
}

fn cancel_sends_no_signal_when_another_process_has_the_lock(tool: Tool) {
    let workspace = lost(tool);
    let run_dir = workspace.run_dir();
    let stranger = Stranger::new(&workspace);
    let lock = fs::File::open(run_dir.join("supervisor.pid")).expect("it is there");
    let _held = Flock::lock(lock, FlockArg::LockExclusive).expect("it is free");
    let own_start = start_time(stranger.pid());
    let table = [
        ("an older process of this id", None),
        ("this very process", Some(own_start)),
    ];
    for (what, start_time) in table {
        hand_pid_to(&run_dir, &stranger, |supervisor| {
            if let Some(start_time) = &start_time {
                supervisor["start_time"] = json!(start_time);
            }
        });
        let (requested, message) = cancel(&workspace);
        assert_eq!(requested, false, "{what}: {message}");
        assert!(
            message.starts_with("nothing was sent: "),
            "{what}: {message}"
        );
        assert!(
            message.contains("not the one that holds its lock"),
            "{what}: {message}"
        );
        assert!(is_alive(stranger.pid()), "{what}");
    }
}

fn attach_does_not_take_a_stranger_for_the_tool(tool: Tool) {
    let workspace = lost(tool);
    let stranger = Stranger::new(&workspace);
    let file = workspace.run_dir().join("events.ndjson");
    let events = fs::read_to_string(&file).expect("the events");
    let mut events: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(events[0]["type"], "started");
    events[0]["pid"] = json!(stranger.pid());
    let text: String = events.iter().map(|event| format!("{event}\n")).collect();
    fs::write(&file, text).expect("written");

    let attached = Launch::on_run_dir(&workspace, "attach", &[]).run();
    let result = attached.result();
    attached.assert_outcome(&result, "unknown");
    let sentence = result["error_msg"].as_str().expect("text");
    assert!(
        sentence.contains(&format!("is gone (process {})", stranger.pid())),
        "{sentence}"
    );
}
