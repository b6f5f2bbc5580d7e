//! One call of the binary: its arguments, its stdin, its limits.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;

use super::reaper::{OnDrop, ReapedChild};
use crate::client::ClientError;
use crate::protocol::{MAX_GRACE, MAX_OUTPUT_LIMIT_BYTES, MAX_TIMEOUT, Request, run_files};
use crate::regular_file;

/// Most bytes that JSON needs for one byte of output: `\u001b`.
const ESCAPED_BYTES: u64 = 6;
/// Room in a result besides its output: sentences and paths.
const FRAME_BYTES: u64 = 1024 * 1024;
/// Most bytes of a recorded request that are read; the runner accepts no longer request.
const MAX_REQUEST_BYTES: u64 = 2 * 1024 * 1024;

/// How long the runner may take to exit after its last output.
pub(crate) const LAST_WORD_TO_END: Duration = Duration::from_secs(10);
/// How long stderr may stay open after the runner has exited.
pub(crate) const END_TO_STDERR: Duration = Duration::from_secs(1);

/// Parameters of a call.
pub(crate) struct Invocation {
    args: Vec<OsString>,
    /// Bytes written to stdin; they may hold secrets and are wiped on drop.
    pub(crate) stdin: Zeroizing<Vec<u8>>,
    /// Longest line of stdout, in bytes.
    pub(crate) line_limit: usize,
    /// Sum of the timeout and grace of the run.
    pub(crate) longest: Duration,
    pub(crate) run_dir: Option<PathBuf>,
    pub(crate) purpose: Purpose,
}

/// Purpose of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It owns a run: control lines go to its stdin.
    Run,
    /// It only reads the events of a run: another process stops the run.
    Attach,
}

/// A runner that was started.
pub(crate) struct StartedRunner {
    pub(crate) child: ReapedChild,
    pub(crate) pid: u32,
    pub(crate) stdin: ChildStdin,
    pub(crate) stdout: ChildStdout,
    pub(crate) stderr: ChildStderr,
}

impl Invocation {
    /// Builds the call for a new run.
    pub(crate) fn run(request: &Request) -> Result<Self, ClientError> {
        for (field, value) in [
            ("timeout", request.timeout_minutes),
            ("grace_seconds", request.grace_seconds),
        ] {
            if !value.is_finite() {
                return Err(ClientError::NotFinite { field });
            }
        }
        let mut stdin = Zeroizing::new(serde_json::to_vec(request).map_err(ClientError::Encode)?);
        stdin.push(b'\n');
        Ok(Self {
            args: vec!["--stream".into()],
            line_limit: line_limit(request.output_limit_bytes),
            // The runner rejects values out of bounds at once.
            longest: longest(request),
            stdin,
            run_dir: request.run_dir.clone(),
            purpose: Purpose::Run,
        })
    }

    /// Builds the call that follows an existing run.
    pub(crate) fn attach(run_dir: &Path) -> Self {
        let recorded = regular_file::read(&run_dir.join(run_files::REQUEST), MAX_REQUEST_BYTES)
            .ok()
            .and_then(|document| Request::parse(document.trim_ascii()).ok());
        Self {
            args: vec![
                "attach".into(),
                "--stream".into(),
                "--".into(),
                run_dir.into(),
            ],
            stdin: Zeroizing::new(Vec::new()),
            line_limit: line_limit(
                recorded
                    .as_ref()
                    .map_or(MAX_OUTPUT_LIMIT_BYTES, |request| request.output_limit_bytes),
            ),
            longest: recorded.as_ref().map_or(MAX_TIMEOUT + MAX_GRACE, longest),
            run_dir: Some(run_dir.to_owned()),
            purpose: Purpose::Attach,
        }
    }

    /// Starts the process.
    pub(crate) fn start(&self, program: &Path) -> Result<StartedRunner, ClientError> {
        self.try_start(program)
            .map_err(|source| ClientError::Spawn {
                program: program.to_owned(),
                source,
            })
    }

    fn try_start(&self, program: &Path) -> io::Result<StartedRunner> {
        let mut child = command(program)
            .args(&self.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id();
        let child = ReapedChild::new(
            child,
            match self.purpose {
                Purpose::Run => OnDrop::LeftToEnd,
                Purpose::Attach => OnDrop::Killed,
            },
        );
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("a pipe is missing"));
        };
        Ok(StartedRunner {
            child,
            pid,
            stdin,
            stdout,
            stderr,
        })
    }
}

pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.process_group(0);
    command
}

/// Returns the longest time that a run may take, as far as the request is valid.
fn longest(request: &Request) -> Duration {
    let seconds = |value: f64, most: Duration| {
        Duration::try_from_secs_f64(value).map_or(Duration::ZERO, |asked| asked.min(most))
    };
    let minutes = request.timeout_minutes;
    let timeout = if minutes == 0.0 {
        request.timeout()
    } else {
        seconds(minutes * 60.0, MAX_TIMEOUT)
    };
    timeout + seconds(request.grace_seconds, MAX_GRACE)
}

fn line_limit(output_limit_bytes: u64) -> usize {
    let most = output_limit_bytes
        .min(MAX_OUTPUT_LIMIT_BYTES)
        .saturating_mul(ESCAPED_BYTES)
        .saturating_add(FRAME_BYTES);
    usize::try_from(most).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Tool;

    #[test]
    fn secrets_go_to_stdin_and_never_into_an_argument() {
        let mut request = Request::new(Tool::Terraform, "/work", "plan");
        request.secrets.push("hunter2-hunter2".into());
        request
            .env_vars
            .insert("TF_VAR_x".into(), "hunter3-hunter3".into());
        let invocation = Invocation::run(&request).unwrap();
        assert_eq!(invocation.args, ["--stream"]);
        let text = std::str::from_utf8(&invocation.stdin).unwrap();
        assert!(text.contains("hunter2") && text.contains("hunter3"));
        assert!(text.ends_with("}\n"));
        assert!(Request::parse(text.as_bytes()).is_ok());
    }

    #[test]
    fn numbers_without_words_in_json_are_refused_here() {
        for (timeout, grace, expected) in [
            (f64::NAN, 1.0, "timeout"),
            (1.0, f64::INFINITY, "grace_seconds"),
        ] {
            let mut request = Request::new(Tool::Terraform, "/work", "plan");
            (request.timeout_minutes, request.grace_seconds) = (timeout, grace);
            let fault = Invocation::run(&request).err().unwrap();
            assert!(
                matches!(fault, ClientError::NotFinite { field } if field == expected),
                "{fault}"
            );
        }
    }

    #[test]
    fn the_longest_run_is_timeout_and_grace_and_never_a_panic() {
        let table = [
            (0.0, 60.0, 1860),
            (1.0, 0.0, 60),
            (0.5, 10.0, 40),
            (-1.0, -1.0, 0),
            (1e6, 1e6, (7 + 1) * 24 * 60 * 60),
            // Does not fit into a `Duration`; the runner rejects it at once.
            (1e300, 1e300, 0),
        ];
        for (timeout, grace, seconds) in table {
            let mut request = Request::new(Tool::Tofu, "/work", "plan");
            (request.timeout_minutes, request.grace_seconds) = (timeout, grace);
            let longest = Invocation::run(&request).unwrap().longest;
            assert_eq!(longest, Duration::from_secs(seconds), "{timeout} {grace}");
        }
    }

    #[test]
    fn run_directory_with_any_name_is_no_option() {
        let invocation = Invocation::attach(Path::new("--help"));
        assert_eq!(invocation.args, ["attach", "--stream", "--", "--help"]);
    }
}
