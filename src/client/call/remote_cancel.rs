//! Stops a run that another process owns.

use std::io::{self, Read};
use std::path::Path;
use std::process::{ChildStdout, ExitStatus, Stdio};

use serde::Deserialize;

use super::invocation::command;
use super::reaper::reap;
use super::stop_request::StopLevel;
use crate::client::RunEvent;

/// Most bytes of the answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// The fields needed of what `iac-runner cancel` prints.
#[derive(Deserialize)]
struct CancelOutput {
    message: String,
}

/// Starts `iac-runner cancel`. Calls `tell`, from a short-lived thread, if the stop did not reach the run.
///
/// The events and the result of the run report success.
pub(crate) fn stop(
    program: &Path,
    run_dir: &Path,
    stop: StopLevel,
    tell: impl FnOnce(RunEvent) + Send + 'static,
) {
    let force = match stop {
        StopLevel::Cancel => None,
        StopLevel::Force => Some("--force"),
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
            // The output is far smaller than a pipe's buffer, so it need not be read before the process ends.
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

/// Returns why the run was not notified, or `None` if it was.
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
        // Output that cannot be read counts as no answer.
        let _ = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer);
    }
    Some(serde_json::from_slice(&answer).map_or_else(
        |_| format!("`iac-runner cancel` gave no answer ({status})"),
        |answer: CancelOutput| answer.message,
    ))
}
