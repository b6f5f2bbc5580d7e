//! Exit statuses of `iac-runner` itself.

use super::Outcome;

/// The command succeeded.
pub const SUCCESS: u8 = 0;
/// The tool failed.
pub const TOOL_FAILED: u8 = 1;
/// The request or the command line was invalid.
pub const INVALID: u8 = 2;
/// The tool could not be started.
pub const NOT_STARTED: u8 = 3;
/// The timeout expired.
pub const TIMED_OUT: u8 = 4;
/// The run was cancelled or killed.
pub const CANCELLED_OR_KILLED: u8 = 5;
/// How the tool ended is unknown.
pub const UNKNOWN: u8 = 6;
/// An internal fault of `iac-runner` (`EX_SOFTWARE` of sysexits.h).
pub const INTERNAL_FAULT: u8 = 70;

/// Returns the exit status for an outcome.
pub const fn of(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Succeeded => SUCCESS,
        Outcome::Failed => TOOL_FAILED,
        Outcome::InvalidRequest => INVALID,
        Outcome::NotStarted => NOT_STARTED,
        Outcome::TimedOut => TIMED_OUT,
        Outcome::Cancelled | Outcome::Killed => CANCELLED_OR_KILLED,
        Outcome::Unknown => UNKNOWN,
    }
}
