//! Reports what happened to the state, as far as it is known.
//!
//! Nothing here queries a backend: after a failure only the output and a few files are available. If they are not
//! conclusive, the answer is `unknown`. The rules were measured with both tools, see `tests/fixtures/record.sh`.

mod backend;
mod before;
#[cfg(test)]
mod directories;
mod files;
mod place;
mod read_file;
mod saved_plan;
mod state_head;
#[cfg(test)]
mod tests;
mod words;
#[cfg(test)]
mod wrappers;

use std::path::PathBuf;

use crate::protocol::{LockStatus, StateReport, StateSafety};

use crate::process::Ended;

use super::command::flags;
use super::command::leader::Leader;
use super::diagnosis::{LockFault, is_state_write, lock_fault};
use super::tool_output::printed::{Printed, PrintedError, folded};

pub use backend::{Backend, LockVariables, Survival};
pub use before::Before;
pub use files::{DamagedState, Files, look_at_backend, look_before, observe};
pub use place::{WorkPlace, selected_workspace};
use words::is_abrupt;
pub(super) use words::{ABANDONED, STATE_NOT_WRITTEN, ToolProgress};

/// What is known of the tool's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolEnd {
    /// It ended like this.
    Ended(Ended),
    /// The supervisor was lost, so it is not even known whether the tool ended.
    Lost,
}

/// Everything that a report may use.
#[derive(Clone, Copy, Debug)]
pub struct ReportInput<'a> {
    /// The subcommand of the tool.
    pub command: &'a str,
    /// The arguments after the subcommand, including those from the environment.
    pub args: &'a [String],
    /// How it ended.
    pub end: ToolEnd,
    /// The process whose end that is.
    pub leader: Leader,
    /// The program that was started first: a script may have become the tool since.
    pub started_as: Leader,
    /// What it printed, before masking.
    pub(super) printed: &'a Printed,
    /// Whether the output is complete.
    pub is_whole: bool,
    /// What the working directory shows.
    pub files: &'a Files,
}

impl ReportInput<'_> {
    /// Returns whether the command moves the state from one backend to another: then both have locks, and only one
    /// is recorded.
    fn is_migration(&self) -> bool {
        self.command == "init"
    }
}

/// Reports on the state of a command that writes it.
pub(super) fn report(observed: &ReportInput<'_>) -> StateReport {
    let printed = observed.printed;
    let words = ToolProgress::of(printed);
    let known = match (observed.end, observed.leader) {
        (ToolEnd::Lost, _) => KnownState::NOTHING,
        (ToolEnd::Ended(_), Leader::Wrapper) if words.is_complete => {
            after_own_end(observed, printed, words)
        }
        (ToolEnd::Ended(_), Leader::Wrapper) => after_end_of_wrapper(observed, printed, words),
        (ToolEnd::Ended(ending), Leader::Tool) if is_abrupt(ending, words) => {
            after_abrupt_end(observed, printed, words)
        }
        (ToolEnd::Ended(_), Leader::Tool) => after_own_end(observed, printed, words),
    };
    let known = if is_silent_on_faults(observed, words) {
        known.without_good_news()
    } else {
        known
    };
    let known = known.with_doubts(observed, words);
    let errored_state_file = errored_state_file(observed, printed, words);
    StateReport {
        safety: match errored_state_file {
            Some(_) => StateSafety::ErroredFile,
            None => known.safety,
        },
        lock: known.lock,
        lock_id: known.lock_id,
        errored_state_file,
    }
}

/// Reports on a command that takes the lock but writes no state; `None` if it has certainly not left the lock.
pub(super) fn report_lock(observed: &ReportInput<'_>) -> Option<StateReport> {
    let is_left = match lock_fault(observed.printed) {
        Some(LockFault::Locked(_) | LockFault::NotAsked) => false,
        Some(
            LockFault::NotReleased(_)
            | LockFault::Unconfirmed
            | LockFault::PerhapsLocked
            | LockFault::Doubtful,
        )
        | None => true,
    };
    let found = report(observed);
    (is_left && found.lock != LockStatus::Released).then_some(StateReport {
        safety: StateSafety::Saved,
        errored_state_file: None,
        ..found
    })
}

/// Returns whether the output may hide errors.
fn is_silent_on_faults(observed: &ReportInput<'_>, words: ToolProgress) -> bool {
    let is_through_script = observed.started_as == Leader::Wrapper;
    let has_failed = observed.end != ToolEnd::Ended(Ended::Exited(0));
    // A script may redirect the errors, or change their format; a limit on the size of files suppresses them.
    let may_suppress = match observed.end {
        ToolEnd::Ended(ending) => words.has_changed && !is_abrupt(ending, words),
        ToolEnd::Lost => false,
    };
    let hides_errors = (is_through_script || may_suppress)
        && observed.leader == Leader::Tool
        && has_failed
        && !words.is_complete
        && !words.has_error;
    let hides_command =
        is_through_script && (words.is_unclosed || observed.printed.has_skipped_box);
    let is_cut = !observed.is_whole || (has_failed && observed.printed.is_cut);
    is_cut || hides_command || hides_errors
}

/// Returns the file of a state that could not be written: the tool names it, or it appeared in a run whose output
/// is not conclusive.
///
/// A provisioner may write a file with this name as well; then the state is saved.
fn errored_state_file(
    observed: &ReportInput<'_>,
    printed: &Printed,
    words: ToolProgress,
) -> Option<PathBuf> {
    let files = observed.files;
    let is_named = || {
        let mut failed = printed.faults().filter(|fault| is_state_write(fault));
        failed
            .any(|fault| folded(&fault.detail).contains("written to the file \"errored.tfstate\""))
    };
    let found = files.found_errored_state_file.as_ref();
    let named = || found.filter(|_| is_named());
    let appeared = files.errored_state_file.as_ref();
    appeared
        .filter(|_| !shows_failed_writes(observed, words) || is_named())
        .or_else(named)
        .cloned()
}

/// Returns whether the output would have reported a state that could not be written.
fn shows_failed_writes(observed: &ReportInput<'_>, words: ToolProgress) -> bool {
    match (observed.end, observed.leader, observed.started_as) {
        (ToolEnd::Ended(ending), Leader::Tool, Leader::Tool) => {
            observed.is_whole && !observed.printed.is_cut && !is_abrupt(ending, words)
        }
        (ToolEnd::Ended(_) | ToolEnd::Lost, _, _) => false,
    }
}

/// What is known without `errored.tfstate`.
struct KnownState {
    safety: StateSafety,
    lock: LockStatus,
    lock_id: Option<String>,
}

impl KnownState {
    const NOTHING: Self = Self::new(StateSafety::Unknown, LockStatus::Unknown);

    /// Removes conclusions that only a complete output allows.
    fn without_good_news(self) -> Self {
        Self {
            safety: match self.safety {
                StateSafety::Saved => StateSafety::Unknown,
                other => other,
            },
            lock: match self.lock {
                LockStatus::Released => LockStatus::Unknown,
                other => other,
            },
            lock_id: self.lock_id,
        }
    }

    /// Removes conclusions that even a complete output does not allow.
    fn with_doubts(mut self, observed: &ReportInput<'_>, words: ToolProgress) -> Self {
        let files = observed.files;
        let is_locked = !flags::is_off(observed.args, "lock");
        // Terraform ignores a lock that it cannot release after a migration.
        // Commands on workspaces have other words for a lock that they could not release.
        let is_of_workspace = ["workspace", "env"].contains(&observed.command)
            && observed.end != ToolEnd::Ended(Ended::Exited(0));
        let is_lock_doubtful =
            observed.is_migration() || files.is_never_unlocked || is_of_workspace;
        if is_locked && is_lock_doubtful && self.lock == LockStatus::Released {
            self.lock = LockStatus::Unknown;
        }
        let is_partial_doubtful = observed.is_migration() && self.safety == StateSafety::Partial;
        let is_errored_state_cut =
            files.is_errored_state_cut && !shows_failed_writes(observed, words);
        let is_state_gone = files.is_state_gone || (files.is_state_absent && words.has_changed);
        let is_state_damaged = files.damaged_state.is_some();
        // A script may have run the tool elsewhere; or the backup could not be written, and then neither was the state.
        let is_state_unwritten = files.is_state_unwritten && words.has_finished_change;
        // It ends with the tool.
        let is_in_memory =
            matches!(&files.backend, Backend::Remote(kind, _) if kind.as_str() == "inmem");
        if is_partial_doubtful
            || is_errored_state_cut
            || is_state_gone
            || is_state_damaged
            || is_state_unwritten
            || is_in_memory
        {
            self.safety = StateSafety::Unknown;
        }
        self
    }

    const fn new(safety: StateSafety, lock: LockStatus) -> Self {
        Self {
            safety,
            lock,
            lock_id: None,
        }
    }

    const fn held(safety: StateSafety, lock_id: Option<String>) -> Self {
        Self {
            safety,
            lock: LockStatus::Held,
            lock_id,
        }
    }
}

/// Reports on a tool that ended by itself, after at most one graceful stop.
fn after_own_end(observed: &ReportInput<'_>, printed: &Printed, words: ToolProgress) -> KnownState {
    // An exit code of 0 removes the doubt, if it is the tool's own.
    let is_settled =
        observed.end == ToolEnd::Ended(Ended::Exited(0)) && observed.leader == Leader::Tool;
    let written = if words.is_not_written || (words.is_perhaps_not_written && !is_settled) {
        StateSafety::Unknown
    } else if words.is_abandoned {
        finished_is_on_disk(observed.files)
    } else {
        StateSafety::Saved
    };
    match lock_fault(printed) {
        // After a second signal the tool may end without trying to release the lock.
        None if words.is_abandoned => KnownState::new(
            written,
            without_holder(observed, words).unwrap_or(LockStatus::Unknown),
        ),
        // Both tools ignore a failed release if they fail before they have begun to plan.
        None if !is_settled && ends_before_planning(observed, words) => KnownState::new(
            written,
            without_process(observed).unwrap_or(LockStatus::Unknown),
        ),
        None => KnownState::new(written, LockStatus::Released),
        Some(LockFault::Doubtful) if is_settled => KnownState::new(written, LockStatus::Released),
        Some(LockFault::Doubtful | LockFault::Unconfirmed) => {
            KnownState::new(written, LockStatus::Unknown)
        }
        // This run wrote nothing, so nothing of it is missing.
        Some(LockFault::Locked(holder)) => KnownState::held(StateSafety::Saved, holder.id),
        Some(LockFault::NotAsked | LockFault::PerhapsLocked) => {
            KnownState::new(StateSafety::Saved, LockStatus::Unknown)
        }
        Some(LockFault::NotReleased(lock_id)) => KnownState::held(written, lock_id),
    }
}

/// Returns whether a command that plans has ended before it showed that it did.
fn ends_before_planning(observed: &ReportInput<'_>, words: ToolProgress) -> bool {
    let plans = ["apply", "destroy", "import", "plan", "refresh"].contains(&observed.command);
    let has_planned = words.had_lock || observed.printed.earlier.has_planned;
    // Both tools check this before they ask for the lock.
    let is_before_lock =
        |fault: &PrintedError| fault.summary.starts_with("Backend initialization required");
    let has_ended = words.is_complete || words.is_written;
    plans && !has_planned && !has_ended && !observed.printed.faults().any(is_before_lock)
}

/// Reports on a run whose wrapper ended. How the tool itself ended is unknown: the wrapper may have ended first,
/// and its exit code may be that of another program. The report uses the tool's output, and the kernel's behaviour
/// when the last process is gone.
fn after_end_of_wrapper(
    observed: &ReportInput<'_>,
    printed: &Printed,
    words: ToolProgress,
) -> KnownState {
    let is_written = (words.is_written || words.has_closed_with_error)
        && !(words.is_not_written || words.is_perhaps_not_written || words.is_abandoned);
    let safety = match is_written {
        true => StateSafety::Saved,
        false => StateSafety::Unknown,
    };
    match lock_fault(printed) {
        Some(LockFault::Locked(holder)) => KnownState::held(StateSafety::Saved, holder.id),
        Some(LockFault::NotReleased(lock_id)) => KnownState::held(safety, lock_id),
        Some(
            LockFault::NotAsked
            | LockFault::PerhapsLocked
            | LockFault::Doubtful
            | LockFault::Unconfirmed,
        ) => KnownState::new(safety, LockStatus::Unknown),
        None => KnownState::new(
            safety,
            without_holder(observed, words).unwrap_or(LockStatus::Unknown),
        ),
    }
}

/// Reports on a tool that was killed in the middle of its work.
fn after_abrupt_end(
    observed: &ReportInput<'_>,
    printed: &Printed,
    words: ToolProgress,
) -> KnownState {
    let files = observed.files;
    let safety = if files.local_lock.is_some() || words.has_changed {
        finished_is_on_disk(files)
    } else {
        StateSafety::Unknown
    };
    match lock_fault(printed) {
        Some(LockFault::Locked(holder)) => return KnownState::held(safety, holder.id),
        Some(LockFault::NotReleased(lock_id)) => return KnownState::held(safety, lock_id),
        Some(
            LockFault::NotAsked
            | LockFault::PerhapsLocked
            | LockFault::Doubtful
            | LockFault::Unconfirmed,
        )
        | None => {}
    }
    let lock = without_holder(observed, words).unwrap_or(match files.backend {
        // A script that has become the tool may have done so in another directory, or with other flags.
        Backend::Remote(_, Survival::Kept)
            if observed.started_as == Leader::Tool
                && words.holds_lock(observed.command, observed.args) =>
        {
            LockStatus::Held
        }
        Backend::Local | Backend::Remote(..) | Backend::Unknown => LockStatus::Unknown,
    });
    KnownState::new(safety, lock)
}

/// Returns what happened to the lock when the tool's process ended, if that alone decides; another run may hold the
/// lock that it waited for.
fn without_holder(observed: &ReportInput<'_>, words: ToolProgress) -> Option<LockStatus> {
    let is_off = flags::is_off(observed.args, "lock");
    without_process(observed).filter(|_| is_off || !words.is_waiting_for_lock)
}

/// Returns what happened to a lock that the tool had when its process ended, if that alone decides.
fn without_process(observed: &ReportInput<'_>) -> Option<LockStatus> {
    let is_free = flags::is_off(observed.args, "lock")
        || match observed.files.backend {
            // The kernel releases a file lock with its process; the remaining file locks nothing.
            Backend::Local => true,
            Backend::Remote(_, Survival::Dropped) => true,
            Backend::Remote(_, Survival::Kept | Survival::Unknown) | Backend::Unknown => false,
        };
    is_free.then_some(LockStatus::Released)
}

/// Returns what is stored of finished operations. The local backend writes the state after every resource. A remote
/// one gets it at most every 20 seconds and at the end, so that nothing at all may have arrived.
fn finished_is_on_disk(files: &Files) -> StateSafety {
    match files.backend {
        Backend::Local => StateSafety::Partial,
        Backend::Remote(..) | Backend::Unknown => StateSafety::Unknown,
    }
}
