//! What the tool itself printed, apart from the text of others that it quotes.
//!
//! A provisioner's output, an error message of the configuration's author or an output value may hold
//! anything, the words of a nested run of the same tool included. Each is recognised by how both tools print
//! it, see `tests/fixtures/diagnosis`:
//!
//! | text of others | form | told apart by |
//! |---|---|---|
//! | output of a provisioner, while it runs | human | `ADDRESS (PROVISIONER): ` before each line |
//! | the same in the error of the provisioner | coloured | the box around each error |
//! | the same in the error of the provisioner | `-no-color` | it was printed before, see [`quoted`] |
//! | error message of a condition, of a provider | `-no-color` | not at all: see [`Item::Doubtful`] |
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
pub(super) use own::{CLOSING, OUTPUTS, after_prompt, is_crash, is_progress};

/// One thing that the tool printed, in the order printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A line outside diagnostics, without colour.
    Line(String),
    /// The same, but perhaps quoted by the diagnostic before it.
    DoubtfulLine(String),
    /// A message of `-json` other than a diagnostic.
    Message(Message),
    /// An error.
    Fault(Fault),
    /// What looks like an error, but is perhaps quoted by the diagnostic before it.
    Doubtful(Fault),
}

/// Everything that the tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) items: Vec<Item>,
    /// Whether a box was passed over that a plain error is taken to quote.
    pub(super) has_skipped_box: bool,
    /// Whether the last line has no end, as where the output was cut off.
    pub(super) is_cut: bool,
}

impl Printed {
    /// Reads a tool's output, or the last part of it, colour codes included.
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

    /// The errors that are the tool's own.
    pub(super) fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.items.iter().filter_map(|item| match item {
            Item::Fault(fault) => Some(fault),
            Item::Line(_) | Item::DoubtfulLine(_) | Item::Message(_) | Item::Doubtful(_) => None,
        })
    }

    /// The errors of which it can't be told whether they are quoted.
    pub(super) fn doubtful(&self) -> impl Iterator<Item = &Fault> {
        self.items.iter().filter_map(|item| match item {
            Item::Doubtful(fault) => Some(fault),
            Item::Line(_) | Item::DoubtfulLine(_) | Item::Message(_) | Item::Fault(_) => None,
        })
    }
}

/// The lines of a text without colour codes.
///
/// Each by itself: a sequence that a script leaves open must not swallow the lines that follow.
fn uncoloured(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| anstream::adapter::strip_str(line).to_string())
        .collect()
}
