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
//! | error message of a condition, of a provider | `-no-color` | nothing: see [`Item::Doubtful`] |
//! | output values | human | they follow the line `Outputs:` |
//! | any | `-json` | it is a string in a message of another type |

mod fault;
mod json;
mod own;
mod quoted;
mod reader;
#[cfg(test)]
mod tests;

use super::flags;
use reader::Language;

pub(super) use fault::{Fault, folded};
pub(super) use json::{Message, tool_message};
pub(super) use own::{CLOSING, OUTPUTS, Progress, after_prompt, is_crash, progress};

/// One part of the tool's output, in the order printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A line outside of diagnostics, without colour.
    Line(String),
    /// Such a line that the diagnostic before it may quote.
    DoubtfulLine(String),
    /// A message of `-json` other than a diagnostic.
    Message(Message),
    /// An error.
    Fault(Fault),
    /// Text that looks like an error, but that the diagnostic before it may quote.
    Doubtful(Fault),
}

/// Everything that the tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) items: Vec<Item>,
    /// Whether a box was skipped that a plain error seems to quote.
    pub(super) has_skipped_box: bool,
    /// Whether the last line has no newline, as in truncated output.
    pub(super) is_cut: bool,
    /// Whether earlier output, which is not in the items, shows that the tool has planned.
    pub(super) has_planned: bool,
}

impl Printed {
    /// Parses a tool's output, or the last part of it, including colour codes.
    pub(super) fn of(text: &str, args: &[String]) -> Self {
        let lines = uncoloured(text);
        let asks_for_json = flags::is_on(args, "json");
        if json::is_json(&lines, asks_for_json) {
            return reader::read(&lines, Language::Json);
        }
        let document = asks_for_json.then(|| json::validate_document(&lines.join("\n")));
        match document.filter(|faults| !faults.is_empty()) {
            Some(faults) => Self {
                items: faults.into_iter().map(Item::Fault).collect(),
                ..Self::default()
            },
            None => reader::read(&lines, Language::Human),
        }
    }

    /// Returns the errors of the tool itself.
    pub(super) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.items.iter().filter_map(|item| match item {
            Item::Fault(fault) => Some(fault),
            Item::Line(_) | Item::DoubtfulLine(_) | Item::Message(_) | Item::Doubtful(_) => None,
        })
    }

    /// Returns the errors that may be quoted.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = &Fault> {
        self.items.iter().filter_map(|item| match item {
            Item::Doubtful(fault) => Some(fault),
            Item::Line(_) | Item::DoubtfulLine(_) | Item::Message(_) | Item::Fault(_) => None,
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
