//! The real binary: start, input, signals, output, end.

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

use super::bounded::in_time;
use super::ending::Ending;
use super::mark::{children, is_alive, name};
use super::memory_cgroup::MemoryCgroup;
use super::waiting::{SOON, WITHIN_A_TEST, wait_for};
use super::workspace::Workspace;

/// The name of the supervisor's process.
pub(crate) const SUPERVISOR: &str = "iac-supervisor";

/// A command of `iac-runner`, without the developer's environment.
pub(crate) struct Launch {
    command: Command,
    input: Vec<u8>,
    /// Replaces the file that the test reads at the end.
    stderr: Option<Stdio>,
    /// Replaces the pipe that the test writes to.
    stdin: Option<Stdio>,
    /// Replaces the pipe that the test reads from.
    stdout: Option<Stdio>,
}

impl Launch {
    /// Returns a command with any arguments.
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
            stderr: None,
            stdin: None,
            stdout: None,
        }
    }

    /// Returns a request for a result, started by a parent that has blocked the stop signals.
    pub(crate) fn with_blocked_signals(workspace: &Workspace, request: &Value) -> Self {
        let binary = env!("CARGO_BIN_EXE_iac-runner");
        let mut command = Command::new("env");
        command.args(["--block-signal=INT,TERM,HUP,USR1,USR2", binary]);
        Self::request(workspace, request).by(command)
    }

    /// Replaces the command by another one that starts the runner, in the same environment.
    fn by(mut self, mut command: Command) -> Self {
        let variables = self.command.get_envs();
        command
            .env_clear()
            .envs(variables.filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// Adds redirections in shell syntax, after all other redirections.
    pub(crate) fn redirected(self, redirections: &str) -> Self {
        self.after(&[
            "/bin/sh",
            "-c",
            &format!("exec \"$0\" \"$@\" {redirections}"),
        ])
    }

    /// Starts the runner by a command that takes the runner and its arguments as its last arguments.
    pub(crate) fn after(self, command_line: &[&str]) -> Self {
        let mut command = Command::new(command_line[0]);
        command
            .args(&command_line[1..])
            .arg(self.command.get_program())
            .args(self.command.get_args());
        self.by(command)
    }

    /// Starts the runner as a user without other rights, under a limit in the form of an option of `prlimit`.
    pub(crate) fn limited_for_user(self, user: u32, limit: &str) -> Self {
        let (user, group) = (format!("--reuid={user}"), format!("--regid={user}"));
        self.after(&["setpriv", &user, &group, "--clear-groups", "prlimit", limit])
    }

    /// Sends stderr elsewhere, instead of to a file that is read at the end.
    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// Sends stdout elsewhere, instead of to a pipe that is read.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Takes stdin from elsewhere, instead of from a pipe; nothing is written to it.
    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Returns a request for a result.
    pub(crate) fn request(workspace: &Workspace, request: &Value) -> Self {
        Self::new(workspace, &[]).input(request.to_string() + "\n")
    }

    /// Returns a request for events.
    pub(crate) fn stream(workspace: &Workspace, request: &Value) -> Self {
        Self::new(workspace, &["--stream"]).input(request.to_string() + "\n")
    }

    /// Returns an `attach` to the workspace's run directory, or a `cancel` of it.
    pub(crate) fn on_run_dir(workspace: &Workspace, call: &str, args: &[&str]) -> Self {
        let run_dir = workspace.run_dir();
        let run_dir = run_dir.to_str().expect("a path that is text");
        Self::new(workspace, &[&[call, run_dir], args].concat())
    }

    /// Writes this to stdin at the start; stdin stays open after it.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Sets a variable in the runner's own environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts the runner by another program, with these arguments before its own.
    #[allow(dead_code, reason = "tests/faults needs it")]
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

    /// Uses a separate process group, as backends do for processes that they mean to kill as a whole.
    pub(crate) fn in_a_group(mut self) -> Self {
        self.command.process_group(0);
        self
    }

    /// Runs in a memory cgroup, with all child processes.
    #[allow(dead_code, reason = "tests/faults alone needs it")]
    pub(crate) fn in_memory_cgroup(mut self, cgroup: &MemoryCgroup) -> Self {
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{}exec \"$0\" \"$@\"", cgroup.enter()))
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear()
            .envs(
                self.command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        self.command = command;
        self
    }

    pub(crate) fn start(mut self) -> Runner {
        let stderr = tempfile::tempfile().expect("a temporary file");
        let mut child = self
            .command
            .stdin(self.stdin.unwrap_or_else(Stdio::piped))
            .stdout(self.stdout.unwrap_or_else(Stdio::piped))
            .stderr(self.stderr.unwrap_or_else(|| {
                let handle = stderr.try_clone().expect("a second handle");
                handle.into()
            }))
            .spawn()
            .expect("the runner starts");
        let stdin = child.stdin.take();
        Runner {
            stdin: stdin.map(|stdin| with_input(stdin, self.input)),
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
    /// How many bytes of the read output have been returned as events.
    events_taken: usize,
}

impl Runner {
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// Returns the supervisor of the run, found as the front's child.
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

    /// Returns whether the front has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_some()
    }

    /// Kills the front, as Go's `CommandContext` does.
    pub(crate) fn kill_front(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().expect("a killed child ends");
    }

    /// Kills the whole group of a front that was started in its own group.
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

    /// Returns the runner's stdin for a separate writer; it stays open until the writer drops it.
    pub(crate) fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("stdin is open")
    }

    /// Reads at least this many bytes of stdout, and then no more for now.
    #[track_caller]
    pub(crate) fn read_at_least(&mut self, bytes: usize) {
        let deadline = Instant::now() + WITHIN_A_TEST;
        while self.read.len() < bytes {
            assert!(self.read_more(deadline), "stdout ended: {}", self.stderr());
        }
    }

    /// Stops being a reader.
    pub(crate) fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Reads events up to the first wanted one.
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

    /// Reads events up to an output that contains this text.
    #[track_caller]
    pub(crate) fn output_with(&mut self, wanted: &str) -> Value {
        self.event(wanted, |event| {
            event["text"]
                .as_str()
                .is_some_and(|text| text.contains(wanted))
        })
    }

    /// Reads the `started` event, and returns the pid of the tool.
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

    /// Reads available output, or waits for it; returns false at the end of stdout.
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

    /// Returns whether the read output ends with a result line, bare or in an event.
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
            // The supervisor then stops the tool; the mark kills remaining processes.
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

/// Writes the input; if it is longer than a pipe holds, in a thread, because a front that reads nothing would block it.
fn with_input(mut stdin: ChildStdin, input: Vec<u8>) -> ChildStdin {
    const PIPE_BYTES: usize = 64 * 1024;
    let fits = input.len() <= PIPE_BYTES;
    let write = move || {
        // An ended runner is recognised by its result.
        let _ = stdin.write_all(&input);
        stdin
    };
    if fits {
        write()
    } else {
        in_time("the input to be read", write)
    }
}

fn tail(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.len().saturating_sub(4096)..]
}
