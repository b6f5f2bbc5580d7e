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
mod human;
mod json;
mod own;
mod quoted;
#[cfg(test)]
mod tests;

use super::flags;

pub(super) use fault::{Fault, folded};
pub(super) use own::{after_prompt, is_progress};

/// One thing that the tool printed, in the order printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A line outside diagnostics, without colour.
    Line(String),
    /// The same, but perhaps quoted by the diagnostic before it.
    DoubtfulLine(String),
    /// A message of `-json` other than a diagnostic.
    Message(json::Message),
    /// An error.
    Fault(Fault),
    /// What looks like an error, but is perhaps quoted by the diagnostic before it.
    Doubtful(Fault),
}

/// Everything that the tool printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) items: Vec<Item>,
}

impl Printed {
    /// Reads the last part of a tool's output, colour codes included.
    pub(super) fn of(text: &str, args: &[String]) -> Self {
        let lines = uncoloured(text);
        let asks_for_json = flags::is_on(args, "json");
        if json::is_json(&lines, asks_for_json) {
            return Self {
                items: json::items(&lines),
            };
        }
        let document = asks_for_json.then(|| json::validate_document(&lines.join("\n")));
        let items = match document.filter(|faults| !faults.is_empty()) {
            Some(faults) => faults.into_iter().map(Item::Fault).collect(),
            None => human::items(&lines),
        };
        Self { items }
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

    /// The lines outside diagnostics.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| match item {
            Item::Line(line) => Some(line.as_str()),
            Item::DoubtfulLine(_) | Item::Message(_) | Item::Fault(_) | Item::Doubtful(_) => None,
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
