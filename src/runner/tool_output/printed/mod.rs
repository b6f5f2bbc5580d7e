//! Separates what the tool itself printed from text of others that it quotes.
//!
//! A provisioner's output, an error message by the configuration's author or an output value may contain anything,
//! including the output of a nested run of the same tool. Each is recognized by how both tools print it, see
//! `tests/fixtures/diagnosis`:
//!
//! | text of others | form | recognized by |
//! |---|---|---|
//! | output of a provisioner, while it runs | human | `ADDRESS (PROVISIONER): ` before each line |
//! | the same in the error of the provisioner | coloured | the box around each error |
//! | the same in the error of the provisioner | `-no-color` | it was already printed before, see [`quoted`] |
//! | error message of a condition, of a provider | `-no-color` | nothing: see [`PrintedPart::Doubtful`] |
//! | output values | human | they follow the line `Outputs:` |
//! | any | `-json` | it is a string in a message of another type |

mod cli_configuration;
mod fault;
mod json;
mod own;
mod quoted;
mod reader;
#[cfg(test)]
mod tests;

use self::reader::Language;
use crate::runner::command::flags;

pub(crate) use self::fault::{PrintedError, folded};
pub(crate) use self::json::{JsonMessage, tool_message};
pub(crate) use self::own::{CLOSING, OUTPUTS, ResourceProgress, after_prompt, is_crash, progress};

/// One part of the tool's output, in the order printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrintedPart {
    /// A line outside of diagnostics, without colour.
    Line(String),
    /// Such a line that the diagnostic before it may quote.
    DoubtfulLine(String),
    /// A message of `-json` other than a diagnostic.
    Message(JsonMessage),
    /// An error.
    Fault(PrintedError),
    /// Text that looks like an error, but that the diagnostic before it may quote.
    Doubtful(PrintedError),
}

/// Everything that the tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) items: Vec<PrintedPart>,
    /// Whether a box was skipped that a plain error seems to quote.
    pub(crate) has_skipped_box: bool,
    /// Whether the last line has no newline, as in truncated output.
    pub(crate) is_cut: bool,
    /// What earlier output shows, which is not in the items.
    pub(crate) earlier: EarlierProgress,
}

/// How far the tool got in output that is no longer kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EarlierProgress {
    /// It has planned or applied, and so had the lock.
    pub(crate) has_planned: bool,
    /// It has reported that a change is complete.
    pub(crate) has_finished_change: bool,
}

impl Printed {
    /// Parses a tool's output, or the last part of it, including colour codes.
    pub(crate) fn of(text: &str, args: &[String]) -> Self {
        let lines = uncoloured(text);
        let asks_for_json = flags::is_on(args, "json");
        if json::is_json(&lines, asks_for_json) {
            return reader::read(&lines, Language::Json);
        }
        let document = asks_for_json.then(|| json::validate_document(&lines.join("\n")));
        match document.filter(|faults| !faults.is_empty()) {
            Some(faults) => Self {
                items: faults.into_iter().map(PrintedPart::Fault).collect(),
                ..Self::default()
            },
            None => reader::read(&lines, Language::Human),
        }
    }

    /// Returns the errors of the tool itself.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &PrintedError> {
        self.items.iter().filter_map(|item| match item {
            PrintedPart::Fault(fault) => Some(fault),
            PrintedPart::Line(_)
            | PrintedPart::DoubtfulLine(_)
            | PrintedPart::Message(_)
            | PrintedPart::Doubtful(_) => None,
        })
    }

    /// Returns the errors that may be quoted.
    pub(crate) fn doubtful(&self) -> impl Iterator<Item = &PrintedError> {
        self.items.iter().filter_map(|item| match item {
            PrintedPart::Doubtful(fault) => Some(fault),
            PrintedPart::Line(_)
            | PrintedPart::DoubtfulLine(_)
            | PrintedPart::Message(_)
            | PrintedPart::Fault(_) => None,
        })
    }
}

/// Returns the lines of a text without colour codes.
///
/// Each line is processed separately: a sequence that a script leaves open must not affect the following lines.
fn uncoloured(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| anstream::adapter::strip_str(line).to_string())
        .collect()
}
