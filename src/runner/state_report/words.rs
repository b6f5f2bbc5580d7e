//! What the tool's own words say of how far it got.

use crate::process::Ended;
use crate::runner::diagnosis::is_state_write;
use crate::runner::printed::{Fault, Item, Printed, folded, is_progress};

/// How the line starts that both tools print last, once the state is saved and the lock released;
/// a release that failed keeps it back.
const COMPLETE: [&str; 2] = [
    "Apply complete! Resources: ",
    "Destroy complete! Resources: ",
];
/// What the other commands print once the state is written, before the lock is released.
const WRITTEN: [&str; 6] = [
    "Import successful!",
    "Successfully moved ",
    "Successfully removed ",
    "Successfully replaced ",
    " has been marked as tainted.",
    " has been successfully untainted.",
];
/// What both tools print when a second signal makes them leave without the state.
const ABANDONED: &str = "Two interrupts received.";
/// The errors of a run that was left like this.
const ABANDONED_ERRORS: [&str; 2] = ["operation aborted", "operation canceled"];
/// How bare lines start about a state that could not be written; `state push` prints no block.
const STATE_NOT_WRITTEN: [&str; 4] = [
    "Error saving the state",
    "Error writing state",
    "Failed to persist state",
    "Failed to write state",
];
/// Words after the address of a resource that do not change it.
const READING: [&str; 7] = [
    ": Refreshing state...",
    ": Reading...",
    ": Still reading...",
    ": Read complete",
    ": Drift detected",
    ": Preparing import...",
    ": Import prepared",
];

/// How far the tool got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::runner) struct Words {
    /// It had the lock, or has it still.
    pub(super) had_lock: bool,
    /// It has begun to change resources.
    pub(super) has_changed: bool,
    /// Its closing line came last: the state is written and the lock released.
    pub(in crate::runner) is_complete: bool,
    /// It said that what was asked for is written.
    pub(super) is_written: bool,
    /// An error of its own came last: it prints them once the state is written, before the lock is released.
    pub(in crate::runner) has_closed_with_error: bool,
    /// A second signal made it leave without the state.
    pub(super) is_abandoned: bool,
    /// It could not write the state.
    pub(super) is_not_written: bool,
    /// Perhaps it could not.
    pub(super) is_perhaps_not_written: bool,
}

impl Words {
    pub(in crate::runner) fn of(printed: &Printed) -> Self {
        let mut words = Self::default();
        for item in &printed.items {
            match item {
                Item::Line(line) => words.take_line(line),
                // Maybe quoted; but the message that quotes it was printed under the lock.
                Item::DoubtfulLine(line) => words.take_progress(line),
                Item::Message(message) => {
                    let is_summary = message.kind == "change_summary";
                    match message.kind.as_str() {
                        "apply_start" | "apply_progress" | "provision_start" => words.change(),
                        "refresh_start" | "planned_change" => words.had_lock = true,
                        "log" if message.log.trim_start().starts_with(ABANDONED) => {
                            words.is_abandoned = true;
                        }
                        _ if is_summary && message.operation == "plan" => words.had_lock = true,
                        _ if is_summary => words.is_complete = true,
                        _ => {}
                    }
                }
                Item::Fault(fault) => words.take_fault(fault),
                Item::Doubtful(fault) => words.is_perhaps_not_written |= is_state_write(fault),
            }
        }
        words
    }

    fn take_line(&mut self, line: &str) {
        self.take_progress(line);
        self.had_lock |= line.starts_with("Plan: ");
        self.is_complete |= COMPLETE.iter().any(|words| line.starts_with(words));
        self.is_written |= WRITTEN.iter().any(|words| line.contains(words));
        self.is_abandoned |= line.starts_with(ABANDONED);
        self.is_not_written |= STATE_NOT_WRITTEN
            .iter()
            .any(|words| line.starts_with(words));
    }

    fn take_progress(&mut self, line: &str) {
        if is_progress(line) {
            self.had_lock = true;
            if !READING.iter().any(|words| line.contains(words)) {
                self.change();
            }
        }
    }

    fn change(&mut self) {
        *self = Self {
            had_lock: true,
            has_changed: true,
            is_complete: false,
            has_closed_with_error: false,
            ..*self
        };
    }

    fn take_fault(&mut self, fault: &Fault) {
        let summary = folded(&fault.summary);
        self.has_closed_with_error = true;
        self.is_not_written |= is_state_write(fault);
        self.is_abandoned |= fault.is_of_core() && ABANDONED_ERRORS.contains(&summary.as_str());
    }
}

/// Whether the tool had no chance to write its state: a signal ended it, or it crashed.
///
/// A shell gives 128 and the number of the signal that ended the tool; a Go program that panics or runs out of
/// memory exits with 2, and terraform's own panic handler with 11. The commands that write state exit with 0
/// and 1 otherwise. Anything after the closing line comes too late to matter.
pub(super) fn is_abrupt(ending: Ended, words: Words, printed: &Printed) -> bool {
    let crashed = |line: &str| line.starts_with("fatal error: ") || line.starts_with("panic: ");
    match ending {
        _ if words.is_complete => false,
        Ended::Signalled(_) => true,
        Ended::Exited(11) => true,
        Ended::Exited(2) => printed.lines().any(crashed),
        Ended::Exited(code) => code > 128,
    }
}
