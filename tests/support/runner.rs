//! The real binary: started, fed, signalled, read, waited for.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::ending::Ending;
use super::mark::{children, is_alive, name};
use super::waiting::{SOON, WITHIN_A_TEST, wait_for};
use super::workspace::Workspace;

/// The name of the supervisor's process.
pub(crate) const SUPERVISOR: &str = "iac-supervisor";

/// `iac-runner` about to be started, in an environment that holds nothing of the developer's.
pub(crate) struct Launch {
    command: Command,
    input: Vec<u8>,
}

impl Launch {
    /// Any call of the binary.
    pub(crate) fn new(workspace: &Workspace, args: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_iac-runner"));
        command
            .args(args)
            .env_clear()
            .env("PATH", workspace.tool.path())
            .env("HOME", workspace.home())
            .env("CHECKPOINT_DISABLE", "1");
        Self {
            command,
            input: Vec::new(),
        }
    }

    /// One request for one result, started by a parent that has the stop signals blocked.
    pub(crate) fn with_blocked_signals(workspace: &Workspace, request: &Value) -> Self {
        let binary = env!("CARGO_BIN_EXE_iac-runner");
        let mut launch = Self::request(workspace, request);
        let mut command = Command::new("env");
        command
            .args(["--block-signal=INT,TERM,HUP,USR1,USR2", binary])
            .env_clear()
            .envs(
                launch
                    .command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        launch.command = command;
        launch
    }

    /// One request for one result.
    pub(crate) fn request(workspace: &Workspace, request: &Value) -> Self {
        Self::new(workspace, &[]).input(request.to_string() + "\n")
    }

    /// One request for events.
    pub(crate) fn stream(workspace: &Workspace, request: &Value) -> Self {
        Self::new(workspace, &["--stream"]).input(request.to_string() + "\n")
    }

    /// `attach` to the workspace's run directory, or `cancel` it.
    pub(crate) fn on_run_dir(workspace: &Workspace, call: &str, args: &[&str]) -> Self {
        let run_dir = workspace.run_dir();
        let run_dir = run_dir.to_str().expect("a path that is text");
        Self::new(workspace, &[&[call, run_dir], args].concat())
    }

    /// What is written to stdin at the start; stdin stays open after it.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// A variable in the runner's own environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Started by another program, with these arguments before its own.
    #[allow(dead_code, reason = "not every suite needs it")]
    pub(crate) fn under(mut self, program: &[&str]) -> Self {
        let mut command = Command::new(program[0]);
        command
            .args(&program[1..])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear();
        for (name, value) in self.command.get_envs() {
            command.env(name, value.expect("no variable is removed"));
        }
        self.command = command;
        self
    }

    /// In a process group of its own, as backends start what they mean to end as a whole.
    pub(crate) fn in_a_group(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    pub(crate) fn start(mut self) -> Runner {
        let stderr = tempfile::tempfile().expect("a temporary file");
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().expect("a second handle"))
            .spawn()
            .expect("the runner starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A runner that is gone already is seen by what it left.
        let _ = stdin.write_all(&self.input);
        Runner {
            stdin: Some(stdin),
            stdout: child.stdout.take(),
            stderr,
            child,
            read: Vec::new(),
            events_taken: 0,
        }
    }

    /// Starts, closes stdin and waits for the end.
    #[track_caller]
    pub(crate) fn run(self) -> Ending {
        let mut runner = self.start();
        runner.stdin = None;
        runner.end()
    }
}

/// A running front process.
pub(crate) struct Runner {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: File,
    read: Vec<u8>,
    /// How many bytes of what was read have been handed out as events.
    events_taken: usize,
}

impl Runner {
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// The supervisor of the run, found as the front's child.
    #[track_caller]
    pub(crate) fn supervisor(&self) -> i32 {
        wait_for("the supervisor", SOON, || {
            children(self.pid())
                .into_iter()
                .find(|&child| name(child) == SUPERVISOR)
        })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the front is there to be signalled");
    }

    /// Ends the front as Go's `CommandContext` does.
    pub(crate) fn kill_front(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("a killed child ends");
    }

    /// Ends the whole group of a front that was started in a group of its own.
    pub(crate) fn kill_group_of_front(&mut self) {
        killpg(Pid::from_raw(self.pid()), Signal::SIGKILL).expect("the front leads a group");
        self.child.wait().expect("a killed child ends");
    }

    /// Writes one line to stdin.
    pub(crate) fn control(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin
            .write_all(format!("{line}\n").as_bytes())
            .expect("the front reads its stdin");
    }

    /// Goes away as a reader.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Reads events up to the first one that is wanted.
    #[track_caller]
    pub(crate) fn event(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + WITHIN_A_TEST;
        loop {
            while let Some(event) = self.next_event_read() {
                if wanted(&event) {
                    return event;
                }
            }
            assert!(
                self.read_more(deadline),
                "no {what} came, but: {}\n{}",
                String::from_utf8_lossy(&self.read),
                self.stderr()
            );
        }
    }

    /// Reads events up to the first one of this type.
    #[track_caller]
    pub(crate) fn event_of_type(&mut self, wanted: &str) -> Value {
        self.event(wanted, |event| event["type"] == wanted)
    }

    /// Reads events up to an output that holds this text.
    #[track_caller]
    pub(crate) fn output_with(&mut self, wanted: &str) -> Value {
        self.event(wanted, |event| {
            event["text"]
                .as_str()
                .is_some_and(|text| text.contains(wanted))
        })
    }

    /// Reads the `started` event, for the pid of the tool.
    #[track_caller]
    pub(crate) fn tool_pid(&mut self) -> i32 {
        let started = self.event_of_type("started");
        let pid = started["pid"].as_i64().expect("a pid");
        i32::try_from(pid).expect("a pid")
    }

    /// Reads the last line of stdout, and calls `at_once` when it is complete, before anything else.
    #[track_caller]
    pub(crate) fn end_and(mut self, at_once: impl FnOnce()) -> Ending {
        let deadline = Instant::now() + WITHIN_A_TEST;
        while !self.has_the_last_line() {
            if !self.read_more(deadline) {
                break;
            }
        }
        at_once();
        self.end()
    }

    /// Waits for the end of the front process and of its stdout.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ending {
        let deadline = Instant::now() + WITHIN_A_TEST;
        while self.read_more(deadline) {}
        let status = wait_for("the end of the front process", SOON, || {
            self.child.try_wait().expect("our own child")
        });
        Ending {
            stderr: self.stderr(),
            stdout: std::mem::take(&mut self.read),
            status: status.code(),
        }
    }

    /// Reads what is there, or waits for it; false at the end of stdout.
    #[track_caller]
    fn read_more(&mut self, deadline: Instant) -> bool {
        let Some(stdout) = &mut self.stdout else {
            return false;
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).expect("a short time");
        let mut waited = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut waited, timeout).expect("poll");
        if ready == 0 {
            panic!(
                "stdout stands still, after: {}\n{}",
                String::from_utf8_lossy(tail(&self.read)),
                self.stderr()
            );
        }
        let mut chunk = [0; 64 * 1024];
        let size = stdout.read(&mut chunk).expect("a readable pipe");
        self.read.extend_from_slice(&chunk[..size]);
        size > 0
    }

    fn next_event_read(&mut self) -> Option<Value> {
        let rest = &self.read[self.events_taken..];
        let end = rest.iter().position(|&byte| byte == b'\n')?;
        let event = serde_json::from_slice(&rest[..end]).expect("an event is a line of JSON");
        self.events_taken += end + 1;
        Some(event)
    }

    /// Whether what was read ends in a line with a result, bare or in an event.
    fn has_the_last_line(&self) -> bool {
        let Some(lines) = self.read.strip_suffix(b"\n") else {
            return false;
        };
        let line = lines.rsplit(|&byte| byte == b'\n').next();
        line.and_then(|line| serde_json::from_slice::<Value>(line).ok())
            .is_some_and(|line| line["type"] == "result" || line["outcome"].is_string())
    }

    fn stderr(&self) -> String {
        let mut text = String::new();
        let mut file = &self.stderr;
        file.rewind().expect("a file");
        file.read_to_string(&mut text).expect("text");
        text
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // The supervisor then stops the tool; the mark ends what is left of it.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits until a process is gone, for at most `limit`.
#[track_caller]
pub(crate) fn wait_until_gone(pid: i32, limit: Duration) {
    wait_for("the end of a process", limit, || {
        (!is_alive(pid)).then_some(())
    });
}

fn tail(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(4096)..]
}
