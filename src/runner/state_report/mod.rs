//! What became of the state, as far as it is known.
//!
//! Nothing here asks a backend: after a bad end only the output and a few files tell. Where they do
//! not tell, the answer is `unknown`. The rules were measured on both tools, see
//! `tests/fixtures/record.sh`.

#[cfg(test)]
mod directories;
mod files;
#[cfg(test)]
mod tests;

use crate::protocol::{LockStatus, StateReport, StateSafety};

use crate::process::Ended;

use super::diagnosis::{LockFault, STATE_WRITE, folded, lock_fault};
use super::effect::{Effect, effect_of};
use super::flags;

use files::{Backend, Survival};
pub use files::{Files, WorkPlace, observe};

/// What is known of the tool's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolEnd {
    /// It ended like this.
    Ended(Ended),
    /// The supervisor was lost, and with it the knowledge of whether it ended at all.
    Lost,
}

/// Everything that a report may look at.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The tool's subcommand.
    pub command: &'a str,
    /// The arguments after the subcommand.
    pub args: &'a [String],
    /// How it ended.
    pub end: ToolEnd,
    /// The last part of its masked output, colour codes included.
    pub text: &'a str,
    /// What the working directory shows.
    pub files: &'a Files,
}

/// Reports on the state; `None` for commands that do not write it.
pub fn report(observed: &Observed<'_>) -> Option<StateReport> {
    if effect_of(observed.command, observed.args) != Effect::State {
        return None;
    }
    let text = Words::of(observed.text);
    let known = match observed.end {
        ToolEnd::Lost => Known::NOTHING,
        ToolEnd::Ended(ending) if is_abrupt(ending, &text) => after_abrupt_end(observed, &text),
        ToolEnd::Ended(_) => after_own_end(observed, &text),
    };
    let errored_state_file = observed.files.errored_state_file.clone();
    Some(StateReport {
        safety: match errored_state_file {
            Some(_) => StateSafety::ErroredFile,
            None => known.safety,
        },
        lock: known.lock,
        lock_id: known.lock_id,
        errored_state_file,
    })
}

/// What is known without a look at `errored.tfstate`.
struct Known {
    safety: StateSafety,
    lock: LockStatus,
    lock_id: Option<String>,
}

impl Known {
    const NOTHING: Self = Self::new(StateSafety::Unknown, LockStatus::Unknown);

    const fn new(safety: StateSafety, lock: LockStatus) -> Self {
        Self {
            safety,
            lock,
            lock_id: None,
        }
    }
}

/// Whether the tool had no chance to write its state: a signal ended it, or it crashed.
///
/// A Go program that panics or runs out of memory exits with 2, and terraform's own panic handler
/// with 11; the commands that write state exit with 0 and 1 otherwise. Whatever comes after the
/// closing line comes too late to matter.
fn is_abrupt(ending: Ended, text: &Words) -> bool {
    match ending {
        _ if text.is_complete => false,
        Ended::Signalled(_) => true,
        Ended::Exited(11) => true,
        Ended::Exited(2) => text.has_any(&["fatal error: ", "panic: "]),
        Ended::Exited(_) => false,
    }
}

/// The tool came to its end by itself, after one graceful stop or none.
fn after_own_end(observed: &Observed<'_>, text: &Words) -> Known {
    let written = if text.has_any(&STATE_WRITE) {
        StateSafety::Unknown
    } else if text.has_any(&ABANDONED) {
        finished_is_on_disk(observed.files)
    } else {
        StateSafety::Saved
    };
    match lock_fault(observed.text) {
        None => Known::new(written, LockStatus::Released),
        // This run wrote nothing, so nothing of it is missing.
        Some(LockFault::Locked(holder)) => Known {
            lock_id: holder.id,
            ..Known::new(StateSafety::Saved, LockStatus::Held)
        },
        Some(LockFault::NotAsked) => Known::new(StateSafety::Saved, LockStatus::Unknown),
        Some(LockFault::NotReleased(lock_id)) => Known {
            lock_id,
            ..Known::new(written, LockStatus::Held)
        },
    }
}

/// The tool was ended in the middle of whatever it did.
fn after_abrupt_end(observed: &Observed<'_>, text: &Words) -> Known {
    let files = observed.files;
    let holds_lock_file = files.local_lock.is_some();
    let safety = if holds_lock_file || text.has_any(&CHANGING) {
        finished_is_on_disk(files)
    } else {
        StateSafety::Unknown
    };
    let began = text.has_any(&UNDER_LOCK) || text.has_any(&CHANGING);
    let lock = if flags::is_off(observed.args, "lock") {
        LockStatus::Released
    } else {
        match files.backend {
            // The kernel drops a file lock with its process; the file that stays behind locks nothing.
            Backend::Local => LockStatus::Released,
            Backend::Remote(_, Survival::Dropped) => LockStatus::Released,
            Backend::Remote(_, Survival::Kept) if began => LockStatus::Held,
            Backend::Remote(_, Survival::Kept | Survival::Unknown) | Backend::Unknown => {
                LockStatus::Unknown
            }
        }
    };
    Known::new(safety, lock)
}

/// The local backend writes the state after every resource. A remote one gets it every 20 seconds
/// at best and at the end, so that nothing at all may have arrived.
fn finished_is_on_disk(files: &Files) -> StateSafety {
    match files.backend {
        Backend::Local => StateSafety::Partial,
        Backend::Remote(..) | Backend::Unknown => StateSafety::Unknown,
    }
}

/// What both tools print when a second signal makes them leave without the state.
const ABANDONED: [&str; 2] = ["two interrupts received", "operation aborted"];

/// What both tools print once they hold the lock and have not yet changed anything.
const UNDER_LOCK: [&str; 5] = [
    ": refreshing state...",
    ": reading...",
    "plan: ",
    r#""type":"refresh_start""#,
    r#""type":"planned_change""#,
];

/// What both tools print while they change resources.
const CHANGING: [&str; 10] = [
    ": creating...",
    ": modifying...",
    ": destroying...",
    ": still creating",
    ": still modifying",
    ": still destroying",
    ": importing from id",
    ": provisioning with",
    r#""type":"apply_start""#,
    r#""type":"apply_progress""#,
];

/// How the line starts that both tools print last, once the state is saved and the lock released;
/// a release that failed keeps it back.
const COMPLETE: [&str; 2] = [
    "Apply complete! Resources: ",
    "Destroy complete! Resources: ",
];
/// The same under `-json`.
const COMPLETE_JSON: [&str; 2] = [
    r#""operation":"apply"},"type":"change_summary"}"#,
    r#""operation":"destroy"},"type":"change_summary"}"#,
];

/// Output without colour, line breaks or case.
struct Words {
    folded: String,
    is_complete: bool,
}

impl Words {
    fn of(text: &str) -> Self {
        let text = anstream::adapter::strip_str(text).to_string();
        // A resource's own output never starts a line, nor ends one that starts with a brace.
        let is_last = |line: &str| {
            COMPLETE.iter().any(|words| line.starts_with(words))
                || line.starts_with('{') && COMPLETE_JSON.iter().any(|words| line.ends_with(words))
        };
        Self {
            is_complete: text.lines().any(is_last),
            folded: folded(&text.replace('│', " ")).to_lowercase(),
        }
    }

    fn has_any(&self, list: &[&str]) -> bool {
        list.iter().any(|words| self.folded.contains(words))
    }
}
