//! Compares the document with the runner's exit status.

use std::process::ExitStatus;

use super::reading::Reading;
use crate::client::{ClientError, ReadFault};
use crate::protocol::{Outcome, RunResult, exit_status};

/// Returns the result if it exists and agrees with the exit status.
pub(crate) fn verdict(
    reading: Reading,
    status: Option<ExitStatus>,
    stderr_tail: String,
) -> Result<RunResult, ClientError> {
    match reading {
        Ok(result) if agree(&result, status) => Ok(*result),
        Ok(result) => Err(ClientError::Mismatch { status, result }),
        Err(ReadFault::TooNew { found }) => Err(ClientError::ProtocolTooNew { found }),
        Err(source) => Err(ClientError::Unreadable {
            status,
            stderr_tail,
            source,
        }),
    }
}

/// Returns whether document and exit status agree.
fn agree(result: &RunResult, status: Option<ExitStatus>) -> bool {
    let code = status.and_then(|status| status.code());
    let is_own_fault = code == Some(exit_status::INTERNAL_FAULT.into())
        && matches!(result.outcome, Outcome::NotStarted | Outcome::Unknown);
    // An unknown outcome may come from a later runner, with an exit status of its own.
    let is_unknown = result.outcome == Outcome::Unknown && code.is_some_and(|code| code != 0);
    result.success == (result.outcome == Outcome::Succeeded)
        && (is_own_fault || is_unknown || code == Some(exit_status::of(result.outcome).into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use chrono::Utc;

    use super::*;
    use crate::protocol::PROTOCOL_VERSION;

    fn result(outcome: Outcome, success: bool) -> Box<RunResult> {
        Box::new(RunResult {
            success,
            output: String::new(),
            exit_code: 0,
            error_msg: String::new(),
            started_at: Utc::now(),
            ended_at: Utc::now(),
            outcome,
            stop_reason: None,
            signal: None,
            duration_ms: 0,
            output_bytes: 0,
            output_truncated: false,
            output_complete: true,
            output_file: None,
            diagnosis: None,
            state: None,
            sandbox: None,
            protocol: PROTOCOL_VERSION,
        })
    }

    #[test]
    fn a_result_counts_only_with_the_exit_status_that_goes_with_it() {
        let exited = |code: i32| Some(ExitStatus::from_raw(code << 8));
        let killed = Some(ExitStatus::from_raw(9));
        let table = [
            (Outcome::Succeeded, true, exited(0), true),
            (Outcome::Succeeded, true, exited(1), false),
            (Outcome::Succeeded, true, exited(70), false),
            (Outcome::Succeeded, true, killed, false),
            (Outcome::Succeeded, true, None, false),
            (Outcome::Succeeded, false, exited(0), false),
            (Outcome::Failed, true, exited(1), false),
            (Outcome::Failed, false, exited(1), true),
            (Outcome::Failed, false, exited(0), false),
            (Outcome::TimedOut, false, exited(4), true),
            (Outcome::Cancelled, false, exited(5), true),
            (Outcome::Killed, false, exited(5), true),
            (Outcome::NotStarted, false, exited(3), true),
            (Outcome::NotStarted, false, exited(70), true),
            (Outcome::Unknown, false, exited(6), true),
            (Outcome::Unknown, false, exited(70), true),
            (Outcome::Unknown, false, exited(7), true),
            (Outcome::Unknown, false, exited(0), false),
            (Outcome::Unknown, true, exited(0), false),
            (Outcome::Unknown, false, killed, false),
        ];
        for (outcome, success, status, good) in table {
            let verdict = verdict(Ok(result(outcome, success)), status, String::new());
            assert_eq!(verdict.is_ok(), good, "{outcome:?} {success} {status:?}");
        }
    }
}
