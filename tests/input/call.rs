//! One call of the binary: gives it input, waits with a time limit, and reads its output.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use wait_timeout::ChildExt;

/// Far longer than any call here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// The command of the binary, with only the given environment.
pub(crate) struct Call {
    command: Command,
}

/// The result of a call.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// A started call.
pub(crate) struct Started {
    child: Child,
    stdout: File,
    stderr: File,
}

impl Call {
    pub(crate) fn new(work_dir: &Path, path: &str) -> Self {
        Self::of(Path::new(env!("CARGO_BIN_EXE_iac-runner")), work_dir, path)
    }

    /// Returns a call of a copy of the binary.
    pub(crate) fn of(program: &Path, work_dir: &Path, path: &str) -> Self {
        let mut command = Command::new(program);
        command.current_dir(work_dir).env_clear().env("PATH", path);
        Self { command }
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a resource limit, in the syntax of `ulimit`.
    pub(crate) fn under(self, limit: &str) -> Self {
        self.after(&format!("ulimit {limit}"))
    }

    /// Runs a shell command first.
    pub(crate) fn after(mut self, shell_command: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("{shell_command}; exec \"$0\" \"$@\"")])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear();
        let variables = self.command.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = self.command.get_current_dir() {
            command.current_dir(folder);
        }
        self.command = command;
        self
    }

    pub(crate) fn stream(mut self) -> Self {
        self.command.arg("--stream");
        self
    }

    /// Runs as a user who owns nothing, with no other groups.
    pub(crate) fn by_nobody(mut self) -> Self {
        const OTHER_USER: u32 = 65534;
        assert!(
            nix::unistd::geteuid().is_root(),
            "root reads everything and only root can become another user: run the tests as root"
        );
        // The standard library drops root's other groups along with the user.
        self.command.uid(OTHER_USER).gid(OTHER_USER);
        self
    }

    /// Starts it with this input on stdin, and closes stdin after it.
    pub(crate) fn start(mut self, input: &[u8]) -> Started {
        let stdout = tempfile::tempfile().expect("a temporary file");
        let stderr = tempfile::tempfile().expect("a temporary file");
        let handle = |file: &File| file.try_clone().expect("a second handle");
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(handle(&stdout))
            .stderr(handle(&stderr))
            .spawn()
            .expect("the runner starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        // In a separate thread, because the runner may stop reading early. The thread ends with the runner.
        thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        Started {
            child,
            stdout,
            stderr,
        }
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub(crate) fn run(self, input: &[u8]) -> Answer {
        self.start(input).end()
    }
}

impl Started {
    #[track_caller]
    pub(crate) fn end(mut self) -> Answer {
        let status = self
            .child
            .wait_timeout(DEADLINE)
            .expect("our own child")
            .unwrap_or_else(|| panic!("no end within {DEADLINE:?}"));
        Answer {
            status: status.code(),
            stdout: contents(&mut self.stdout),
            stderr: String::from_utf8_lossy(&contents(&mut self.stderr)).into_owned(),
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // By its process id, which is its own until it has been waited for.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Answer {
    /// Returns the one document on stdout.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        match &self.lines()[..] {
            [document] => document.clone(),
            lines => panic!("{} lines where one was expected: {self:?}", lines.len()),
        }
    }

    /// Returns the document on each line of stdout; all lines end with a newline.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = str::from_utf8(&self.stdout).expect("UTF-8 on stdout");
        assert!(text.ends_with('\n'), "stdout ends in no newline: {self:?}");
        text.split_terminator('\n')
            .map(|line| {
                assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
                serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"))
            })
            .collect()
    }

    /// Returns the result of the last event, after checking that the events are numbered without gaps.
    #[track_caller]
    pub(crate) fn streamed_result(&self) -> Value {
        let events = self.lines();
        for (seq, event) in events.iter().enumerate() {
            assert_eq!(event["seq"], seq, "{event}");
            assert_eq!(
                event["type"] == "result",
                seq + 1 == events.len(),
                "one result, at the end: {self:?}"
            );
        }
        events[events.len() - 1]["result"].clone()
    }
}

fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().expect("a file");
    file.read_to_end(&mut bytes).expect("a file");
    bytes
}
