//! Stops a run that another process carries.

use std::io::{self, Read};
use std::path::Path;
use std::process::{ChildStdout, ExitStatus, Stdio};

use serde::Deserialize;

use super::RunEvent;
use super::invocation::command;
use super::kept::reap;
use super::order::Stop;

/// Most bytes of the answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// What `iac-runner cancel` prints, as far as it is needed.
#[derive(Deserialize)]
struct Answer {
    message: String,
}

/// Starts `iac-runner cancel`; tells, from a thread of a moment, when the stop did not reach the run.
///
/// That it did is told by the events and the result of the run.
pub(super) fn stop(
    program: &Path,
    run_dir: &Path,
    stop: Stop,
    tell: impl FnOnce(RunEvent) + Send + 'static,
) {
    let force = match stop {
        Stop::Cancel => None,
        Stop::Force => Some("--force"),
    };
    let started = command(program)
        .arg("cancel")
        .args(force)
        .arg("--")
        .arg(run_dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => {
            // Far less than a pipe holds: it does not have to be read before the end.
            let stdout = child.stdout.take();
            reap(child, move |status| {
                if let Some(message) = failure(status, stdout) {
                    tell(RunEvent::StopFailed { message });
                }
            });
        }
        Err(fault) => tell(RunEvent::StopFailed {
            message: format!("`iac-runner cancel` could not be started: {fault}"),
        }),
    }
}

/// Why the run was not told, unless it was.
fn failure(status: io::Result<ExitStatus>, stdout: Option<ChildStdout>) -> Option<String> {
    let status = match status {
        Ok(status) if status.success() => return None,
        Ok(status) => status,
        Err(fault) => {
            return Some(format!(
                "`iac-runner cancel` could not be waited for: {fault}"
            ));
        }
    };
    let mut answer = Vec::new();
    if let Some(stdout) = stdout {
        // What cannot be read is no answer.
        let _ = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer);
    }
    Some(serde_json::from_slice(&answer).map_or_else(
        |_| format!("`iac-runner cancel` gave no answer ({status})"),
        |answer: Answer| answer.message,
    ))
}
