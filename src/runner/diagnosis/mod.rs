//! Determines what went wrong, from the actual output of terraform and tofu.
//!
//! Neither tool has error codes, so only their words are available. Each rule here has a fixture in
//! `tests/fixtures/diagnosis`, recorded from the real tools by `tests/fixtures/record.sh`.

mod class;
mod lock;
mod loose;
mod memory;
#[cfg(test)]
mod recorded;
mod retry;
#[cfg(test)]
mod tests;

use crate::output::Matcher;
use crate::process::Ended;
use crate::protocol::{Diagnosis, DiagnosisClass, Tool};

use super::command::flags;
use super::messages::wording::one_line;
use super::tool_output::printed::{Printed, PrintedError, folded};

pub use super::result::oom::Kill;
pub(super) use class::is_state_write;
pub(super) use lock::{LockFault, is_about_lock, lock_fault};

/// Longest message in characters: it has to fit into one line of a log or a page.
pub const MAX_MESSAGE_CHARS: usize = 600;

/// Everything that a diagnosis may use.
#[derive(Clone, Copy, Debug)]
pub struct DiagnosisInput<'a> {
    /// The tool that ran.
    pub tool: Tool,
    /// Its subcommand.
    pub command: &'a str,
    /// The arguments after the subcommand.
    pub args: &'a [String],
    /// How it ended.
    pub ending: Ended,
    /// The last part of its output, masked, including colour codes.
    pub text: &'a str,
    /// Whether the kernel's OOM killer was active while it ran.
    pub oom: Kill,
}

/// What the tool printed, before masking, and the matcher that masks sentences made from it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Testimony<'a> {
    pub(super) printed: &'a Printed,
    pub(super) matcher: &'a Matcher,
}

/// Diagnoses a run whose output is masked, or needs no masking; returns `None` if the command succeeded.
///
/// For a tool that a signal ended, the answer holds only if the runner did not send the signal.
pub fn diagnose(observed: &DiagnosisInput<'_>) -> Option<Diagnosis> {
    match observed.ending {
        Ended::Exited(0) => None,
        Ended::Exited(2) if plan_found_changes(observed) => None,
        Ended::Exited(_) | Ended::Signalled(_) => {
            let testimony = Testimony {
                printed: &Printed::of(observed.text, observed.args),
                matcher: &Matcher::new([]),
            };
            Some(diagnose_failure(observed, testimony))
        }
    }
}

/// Diagnoses a run that is known to have failed.
pub(super) fn diagnose_failure(
    observed: &DiagnosisInput<'_>,
    testimony: Testimony<'_>,
) -> Diagnosis {
    match observed.ending {
        Ended::Exited(code) => after_exit(observed, testimony, code),
        Ended::Signalled(signal) => after_signal(observed, signal),
    }
}

/// Diagnoses a run whose exit code reports success; returns `None` if the tool printed no error.
pub(super) fn diagnose_in_spite_of_code(
    observed: &DiagnosisInput<'_>,
    testimony: Testimony<'_>,
) -> Option<Diagnosis> {
    let (class, fault) = main_fault(testimony.printed)?;
    Some(after_fault(observed, class, &fault, testimony.matcher))
}

/// The whole error of an `init` that needs input.
const INPUT_IS_DISABLED: &str = "input is disabled";

/// `plan -detailed-exitcode` exits with 2 when there is something to change, which is an answer.
fn plan_found_changes(observed: &DiagnosisInput<'_>) -> bool {
    observed.command == "plan" && flags::is_on(observed.args, "detailed-exitcode")
}

fn after_exit(observed: &DiagnosisInput<'_>, testimony: Testimony<'_>, code: i32) -> Diagnosis {
    // Only some bare lines are used, so they have to be masked as a whole.
    let loose = || {
        let fault = loose::fault(&Printed::of(observed.text, observed.args))?;
        Some((class::of(&fault), fault))
    };
    let Some((class, fault)) = main_fault(testimony.printed).or_else(loose) else {
        return Diagnosis {
            class: DiagnosisClass::Other,
            message: format!(
                "{} {} exited with {code} and printed no error",
                observed.tool, observed.command
            ),
            retryable: false,
        };
    };
    after_fault(observed, class, &fault, testimony.matcher)
}

fn after_fault(
    observed: &DiagnosisInput<'_>,
    class: DiagnosisClass,
    fault: &PrintedError,
    matcher: &Matcher,
) -> Diagnosis {
    if observed.command == "init" && fault.is_of_core() && fault.summary == INPUT_IS_DISABLED {
        return Diagnosis {
            class: DiagnosisClass::BackendInitRequired,
            message: format!(
                "{INPUT_IS_DISABLED}: the tool has a question; if the backend has changed, say with `-reconfigure` or \
                 `-migrate-state -force-copy` what is to become of the state, and look whether a lock is left on it"
            ),
            retryable: false,
        };
    }
    let message = message(class, fault, matcher);
    if observed.oom == Kill::InCgroup && memory::shows_killed_process(class, fault) {
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

/// Returns the most informative error: one of the tool's own, else one that may be quoted.
fn main_fault(printed: &Printed) -> Option<(DiagnosisClass, PrintedError)> {
    most_telling(printed.faults()).or_else(|| most_telling(printed.doubtful()))
}

fn most_telling<'a>(
    faults: impl Iterator<Item = &'a PrintedError>,
) -> Option<(DiagnosisClass, PrintedError)> {
    let classed = faults.map(|fault| (class::of(fault), fault));
    let (class, fault) =
        classed.min_by_key(|(class, fault)| (class::rank(*class), fault.is_preface()))?;
    Some((class, fault.clone()))
}

fn after_signal(observed: &DiagnosisInput<'_>, signal: i32) -> Diagnosis {
    let tool = observed.tool;
    let name = observed.ending.signal_name().unwrap_or_default();
    let not_ours = format!("{tool} was ended by {name}, which the runner did not send");
    let (class, message) = match observed.oom {
        Kill::InCgroup if signal == libc::SIGKILL => (
            DiagnosisClass::OutOfMemory,
            format!("the kernel killed {tool} with SIGKILL because memory ran out"),
        ),
        // The machine's counter may have counted another process.
        Kill::OnMachine if signal == libc::SIGKILL => (
            DiagnosisClass::Other,
            format!("{not_ours}; the machine ran out of memory meanwhile, which may be why"),
        ),
        Kill::InCgroup | Kill::OnMachine | Kill::NotSeen => (DiagnosisClass::Other, not_ours),
    };
    Diagnosis {
        class,
        message,
        retryable: false,
    }
}

/// Masks the parts before they are cut and joined, and the whole again: a secret that is cut in two is not
/// recognized any more.
fn message(class: DiagnosisClass, fault: &PrintedError, matcher: &Matcher) -> String {
    let shown = fault.masked(matcher);
    let sentence = match class {
        DiagnosisClass::StateLocked => lock::sentence(fault, &shown, matcher),
        DiagnosisClass::StateLockReleaseFailed if lock::is_own(fault) => {
            lock::own_sentence(fault, matcher)
        }
        _ if fault.is_of_core() => shown.sentence(),
        _ => without_quoted_lock(&shown).sentence(),
    };
    capped(&one_line(&matcher.mask(&sentence)))
}

/// Removes the lock of a nested run, whose output gives no advice about the lock of this run.
fn without_quoted_lock(fault: &PrintedError) -> PrintedError {
    let detail = folded(&fault.detail);
    let starts = [": ID=", "Lock Info:", "In this scenario, please call"];
    let end = starts.iter().filter_map(|start| detail.find(start)).min();
    PrintedError {
        detail: match end {
            Some(end) => format!("{} …", detail[..end].trim_end()),
            None => detail,
        },
        ..fault.clone()
    }
}

fn capped(line: &str) -> String {
    match line.char_indices().nth(MAX_MESSAGE_CHARS - 1) {
        Some((end, last)) if end + last.len_utf8() < line.len() => {
            format!("{}…", line[..end].trim_end())
        }
        _ => line.to_owned(),
    }
}
