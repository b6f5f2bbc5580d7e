//! Determines from the tool's own words how far it got.

use crate::process::Ended;
use crate::runner::command::flags;
use crate::runner::diagnosis::is_state_write;
use crate::runner::tool_output::printed::{
    CLOSING, JsonMessage, OUTPUTS, Printed, PrintedError, PrintedPart, ResourceProgress, folded,
    is_crash, progress,
};

/// Beginnings of the line that both tools print last, once the state is saved and the lock released; if the release
/// fails, the line is not printed.
const COMPLETE: [&str; 2] = [CLOSING, "Destroy complete! Resources: "];
/// Printed by both tools once a plan is made; with a saved plan they name its file.
const PLANNED: [&str; 5] = [
    "Plan: ",
    "No changes. ",
    "Changes to Outputs:",
    "Saved the plan to: ",
    "Note: You didn't use the -out option",
];
/// Printed by `init` at its end.
const INITIALIZED: [&str; 2] = [
    " has been successfully initialized!",
    " initialized in an empty directory!",
];
/// Printed by `validate` on success, for a person and for a program.
const VALID: [&str; 2] = ["Success! The configuration is valid", "  \"valid\": true,"];
/// Printed while it takes more than a moment to get the lock.
const WAITS_FOR_LOCK: &str = "Acquiring state lock.";
/// Beginnings of lines that a command prints before it changes anything.
const BEGINS: [&str; 3] = [
    WAITS_FOR_LOCK,
    "Terraform used the selected providers",
    "OpenTofu used the selected providers",
];
/// Follows the address of a resource during planning, never during an apply.
const REFRESHING: &str = ": Refreshing state...";
/// Printed by the other commands once the state is written, before the lock is released.
const WRITTEN: [&str; 6] = [
    "Import successful!",
    "Successfully moved ",
    "Successfully removed ",
    "Successfully replaced ",
    " has been marked as tainted.",
    " has been successfully untainted.",
];
/// Printed by both tools when a second signal makes them exit without the state.
pub(crate) const ABANDONED: &str = "Two interrupts received.";
/// The errors of a run that was abandoned like this.
const ABANDONED_ERRORS: [&str; 2] = ["operation aborted", "operation canceled"];
/// Beginnings of bare lines about a state that could not be written; `state push` prints no block.
pub(crate) const STATE_NOT_WRITTEN: [&str; 4] = [
    "Error saving the state",
    "Error writing state",
    "Failed to persist state",
    "Failed to write state",
];
/// Printed by other commands on success.
const CONFIRMED: [&str; 6] = [
    "Created and switched to workspace ",
    "Switched to workspace ",
    "Deleted workspace ",
    "Success! ",
    "No matching resources found.",
    OUTPUTS,
];
/// Printed in the same case, after the tool's name.
const UNLOCKED: &str = " state has been successfully unlocked!";

/// How far the tool got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ToolProgress {
    /// It had the lock, or still has it.
    pub(crate) had_lock: bool,
    /// It waited for the lock, and has shown nothing since that needs it.
    pub(super) is_waiting_for_lock: bool,
    /// It has begun to change resources.
    pub(super) has_changed: bool,
    /// It has reported that a change is complete.
    pub(crate) has_finished_change: bool,
    /// How many resources it is changing.
    in_flight: u32,
    /// It is going to change resources.
    plans_changes: bool,
    /// Its closing line came last: the state is written and the lock released.
    pub(crate) is_complete: bool,
    /// Its closing line may have come last: it follows output values, which may contain such a line.
    pub(crate) is_perhaps_complete: bool,
    /// The plan is made.
    pub(crate) is_planned: bool,
    /// A command other than those above and below succeeded.
    pub(crate) is_confirmed: bool,
    /// The working directory is initialized.
    pub(crate) is_initialized: bool,
    /// The configuration is valid.
    pub(crate) is_valid: bool,
    /// It printed an error.
    pub(crate) has_error: bool,
    /// It printed a bare line with an error.
    pub(crate) has_bare_error: bool,
    /// It crashed.
    pub(crate) has_crashed: bool,
    /// Another command began while the previous one had changed resources and had not closed.
    pub(super) is_unclosed: bool,
    /// It has changed resources and has not closed.
    is_changing: bool,
    /// It reported that the requested change is written.
    pub(crate) is_written: bool,
    /// An error of its own came last: it prints errors once the state is written, before the lock is released.
    pub(crate) has_closed_with_error: bool,
    /// A second signal made it exit without the state.
    pub(crate) is_abandoned: bool,
    /// It could not write the state.
    pub(crate) is_not_written: bool,
    /// It may have been unable to write the state.
    pub(crate) is_perhaps_not_written: bool,
}

impl ToolProgress {
    pub(crate) fn of(printed: &Printed) -> Self {
        let has_finished_change = printed.earlier.has_finished_change;
        let mut words = Self {
            had_lock: has_finished_change,
            has_changed: has_finished_change,
            has_finished_change,
            ..Self::default()
        };
        for item in &printed.items {
            match item {
                PrintedPart::Line(line) => words.take_line(line),
                // May be quoted; but the message that quotes it was printed while the lock was held.
                PrintedPart::DoubtfulLine(line) => {
                    words.take_progress(line);
                    words.is_perhaps_complete |= starts(line, &COMPLETE);
                    words.is_confirmed |= line == OUTPUTS;
                }
                PrintedPart::Message(message) => words.take_message(message),
                PrintedPart::Fault(fault) => words.take_fault(fault),
                PrintedPart::Doubtful(fault) => {
                    words.is_perhaps_not_written |= is_state_write(fault)
                }
            }
        }
        words
    }

    fn take_message(&mut self, message: &JsonMessage) {
        match (message.kind.as_str(), message.operation.as_str()) {
            ("version", _) => self.begin(),
            ("state_lock_acquire", _) => self.is_waiting_for_lock = true,
            ("apply_start", _) => self.begin_change(),
            ("apply_progress" | "provision_start", _) => self.continue_change(),
            ("apply_complete", _) => self.finish_change(),
            ("apply_errored", _) => self.end_change(),
            ("refresh_start" | "planned_change", _) => {
                self.reopen();
                self.had_lock = true;
                self.plans_changes |= message.kind == "planned_change";
            }
            ("outputs", _) => self.is_confirmed = true,
            ("test_summary", _) => self.is_confirmed |= message.status == "pass",
            ("log", _) if message.log.trim_start().starts_with(ABANDONED) => {
                self.is_abandoned = true;
            }
            ("init_output", _) => {
                self.is_initialized |= INITIALIZED.iter().any(|it| message.log.contains(it));
            }
            ("change_summary", "plan") => {
                self.reopen();
                self.had_lock = true;
                self.is_planned = true;
            }
            ("change_summary", _) => self.complete(),
            _ => {}
        }
    }

    fn take_line(&mut self, line: &str) {
        if starts(line, &BEGINS) {
            self.begin();
        }
        self.is_waiting_for_lock |= line.starts_with(WAITS_FOR_LOCK);
        self.take_progress(line);
        if let Some(counts) = line.strip_prefix("Plan: ") {
            self.begin();
            self.had_lock = true;
            self.plans_changes |= counts.contains(|c| matches!(c, '1'..='9'));
        }
        if starts(line, &COMPLETE) {
            self.complete();
        }
        self.is_planned |= starts(line, &PLANNED);
        self.is_initialized |= INITIALIZED.iter().any(|words| line.contains(words));
        self.is_valid |= starts(line, &VALID);
        self.is_written |= WRITTEN.iter().any(|words| line.contains(words));
        self.is_confirmed |= starts(line, &CONFIRMED) || line.contains(UNLOCKED);
        self.is_abandoned |= line.starts_with(ABANDONED);
        self.is_not_written |= starts(line, &STATE_NOT_WRITTEN);
        self.has_bare_error |= starts(line, &["Error ", "Failed to "]);
        self.has_crashed |= is_crash(line);
    }

    fn take_progress(&mut self, line: &str) {
        let Some(progress) = progress(line) else {
            return;
        };
        if line.contains(REFRESHING) {
            self.begin();
        }
        self.had_lock = true;
        match progress {
            ResourceProgress::Reads => self.reopen(),
            ResourceProgress::Begins => self.begin_change(),
            ResourceProgress::Continues => self.continue_change(),
            ResourceProgress::Ends => self.finish_change(),
        }
    }

    /// Records that a command begins, or continues without having changed anything.
    fn begin(&mut self) {
        self.is_unclosed |= self.is_changing;
        self.reopen();
    }

    /// Records that something follows the closing line.
    fn reopen(&mut self) {
        *self = Self {
            is_complete: false,
            is_perhaps_complete: false,
            is_planned: false,
            is_waiting_for_lock: false,
            has_closed_with_error: false,
            ..*self
        };
    }

    fn change(&mut self) {
        self.reopen();
        self.had_lock = true;
        self.has_changed = true;
        self.is_changing = true;
    }

    fn begin_change(&mut self) {
        self.change();
        self.in_flight += 1;
    }

    fn continue_change(&mut self) {
        self.change();
        // Its beginning may be in the part that is no longer kept.
        self.in_flight = self.in_flight.max(1);
    }

    fn finish_change(&mut self) {
        self.end_change();
        self.has_finished_change = true;
    }

    fn end_change(&mut self) {
        self.change();
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Returns whether the tool was in the middle of its work, with a lock: it may have requested the release of
    /// the lock as soon as nothing is left to do.
    pub(super) fn holds_lock(&self, command: &str, args: &[String]) -> bool {
        let is_refresh = command == "refresh" || flags::is_on(args, "refresh-only");
        let is_before_changes =
            !self.has_changed && !is_refresh && (self.plans_changes || !self.is_planned);
        let is_working = self.in_flight > 0 || is_before_changes;
        let has_ended = self.is_complete || self.is_written || self.has_error;
        self.had_lock && is_working && !has_ended
    }

    fn complete(&mut self) {
        self.is_complete = true;
        self.is_perhaps_complete = true;
        self.is_changing = false;
    }

    fn take_fault(&mut self, fault: &PrintedError) {
        let summary = folded(&fault.summary);
        self.is_complete = false;
        self.is_perhaps_complete = false;
        self.has_error = true;
        self.has_closed_with_error = true;
        self.is_changing = false;
        self.is_not_written |= is_state_write(fault);
        self.is_abandoned |= fault.is_of_core() && ABANDONED_ERRORS.contains(&summary.as_str());
    }
}

fn starts(line: &str, words: &[&str]) -> bool {
    words.iter().any(|words| line.starts_with(words))
}

/// Returns whether the tool had no chance to write its state: a signal ended it, or it crashed.
///
/// A shell exits with 128 plus the number of the signal that ended the tool. A Go program that panics, runs out of
/// memory or gets a SIGQUIT exits with 2, and terraform's own panic handler with 11. Otherwise, the commands that
/// write state exit with 0 and 1; after the closing line, no exit code matters. A signal does: another program may have
/// written that line.
pub(super) fn is_abrupt(ending: Ended, words: ToolProgress) -> bool {
    match ending {
        Ended::Signalled(_) => true,
        Ended::Exited(_) if words.is_complete => false,
        Ended::Exited(2 | 11) => true,
        Ended::Exited(code) => code > 128,
    }
}
