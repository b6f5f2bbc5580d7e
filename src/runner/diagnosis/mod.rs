//! What went wrong, from what terraform and tofu really print.
//!
//! Neither tool has error codes; their words are all that there is. Each rule here has a fixture in
//! `tests/fixtures/diagnosis` that `tests/fixtures/record.sh` makes the real tools print.

mod class;
mod fault;
mod lock;
mod loose;
#[cfg(test)]
mod recorded;
mod retry;
#[cfg(test)]
mod tests;

use crate::process::Ended;
use crate::protocol::{Diagnosis, DiagnosisClass, Tool};

use super::flags;
use super::wording::one_line;
use fault::Fault;

pub(super) use class::STATE_WRITE;
pub(super) use fault::folded;
pub use lock::{Holder, LockFault, lock_fault};

/// Longest message in characters: it stands in one line of a log or a page.
pub const MAX_MESSAGE_CHARS: usize = 600;

/// Everything that a diagnosis may look at.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The tool that ran.
    pub tool: Tool,
    /// Its subcommand.
    pub command: &'a str,
    /// The arguments after the subcommand.
    pub args: &'a [String],
    /// How it ended.
    pub ending: Ended,
    /// The last part of its masked output, colour codes included.
    pub text: &'a str,
    /// Whether the kernel's OOM killer struck while it ran.
    pub oom_killed: bool,
}

/// Names the fault of a run that did not succeed; `None` when the tool did what was asked.
///
/// For a tool that a signal ended, the answer holds only if the signal was not the runner's own.
pub fn diagnose(observed: &Observed<'_>) -> Option<Diagnosis> {
    match observed.ending {
        Ended::Exited(0) => None,
        Ended::Exited(2) if plan_found_changes(observed) => None,
        Ended::Exited(code) => Some(after_exit(observed, code)),
        Ended::Signalled(signal) => Some(after_signal(observed, signal)),
    }
}

/// `plan -detailed-exitcode` exits with 2 when there is something to change, which is an answer.
fn plan_found_changes(observed: &Observed<'_>) -> bool {
    observed.command == "plan" && flags::is_on(observed.args, "detailed-exitcode")
}

fn after_exit(observed: &Observed<'_>, code: i32) -> Diagnosis {
    let text = anstream::adapter::strip_str(observed.text).to_string();
    let mut faults = fault::faults(&text);
    if faults.is_empty() {
        faults.extend(loose::fault(&text));
    }
    let told = faults
        .iter()
        .map(|fault| (class::of(fault), fault))
        .min_by_key(|(class, fault)| (class::rank(*class), fault.is_preface()));
    let Some((class, fault)) = told else {
        return Diagnosis {
            class: DiagnosisClass::Other,
            message: format!(
                "{} {} exited with {code} and printed no error",
                observed.tool, observed.command
            ),
            retryable: false,
        };
    };
    let message = message(class, fault);
    if observed.oom_killed && class::may_hide_memory(class) {
        return Diagnosis {
            class: DiagnosisClass::OutOfMemory,
            message: capped(&format!("the kernel ran out of memory: {message}")),
            retryable: false,
        };
    }
    let retryable = retry::is_retryable(observed.command, observed.args, class, fault);
    Diagnosis {
        class,
        message,
        retryable,
    }
}

fn after_signal(observed: &Observed<'_>, signal: i32) -> Diagnosis {
    let tool = observed.tool;
    let (class, message) = if observed.oom_killed && signal == libc::SIGKILL {
        let message = format!("the kernel killed {tool} with SIGKILL because memory ran out");
        (DiagnosisClass::OutOfMemory, message)
    } else {
        let name = observed.ending.signal_name().unwrap_or_default();
        let message = format!("{tool} was ended by {name}, which the runner did not send");
        (DiagnosisClass::Other, message)
    };
    Diagnosis {
        class,
        message,
        retryable: false,
    }
}

fn message(class: DiagnosisClass, fault: &Fault) -> String {
    let sentence = match class {
        DiagnosisClass::StateLocked => lock::sentence(fault),
        _ => fault.sentence(),
    };
    capped(&one_line(&sentence))
}

fn capped(line: &str) -> String {
    match line.char_indices().nth(MAX_MESSAGE_CHARS - 1) {
        Some((end, last)) if end + last.len_utf8() < line.len() => {
            format!("{}…", line[..end].trim_end())
        }
        _ => line.to_owned(),
    }
}
