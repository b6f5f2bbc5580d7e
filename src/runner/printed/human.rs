//! The form for a person, in which a diagnostic is a box, or under `-no-color` a block of bare lines.

use super::Item;
use super::fault::{Fault, folded, from_block};
use super::own::{OUTPUTS, after_prompt, is_own, is_progress, is_streamed};
use super::quoted;

/// How the tool prints its diagnostics: the first one shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Boxed,
    Plain,
}

/// What both tools print above the boxes on their CLI configuration, which are boxes under `-no-color`, too.
const CLI_CONFIGURATION: &str = "There are some problems with the CLI configuration";
/// Summaries of diagnostics whose detail is the configuration author's own text.
const AUTHORS_WORDS: [&str; 7] = [
    "check block assertion failed",
    "module output value precondition failed",
    "output value precondition failed",
    "resource precondition failed",
    "resource postcondition failed",
    "invalid value for variable",
    "invalid value for input variable",
];

pub(super) fn items(lines: &[String]) -> Vec<Item> {
    let mut reader = Reader {
        lines,
        at: 0,
        form: None,
        is_doubtful: false,
        is_doubt_of_error: false,
        items: Vec::new(),
    };
    reader.skip_cli_configuration();
    while reader.at < lines.len() {
        reader.step();
    }
    reader.items
}

pub(super) fn opens_cli_configuration(line: &str) -> bool {
    line.starts_with(CLI_CONFIGURATION)
}

struct Reader<'a> {
    lines: &'a [String],
    at: usize,
    form: Option<Form>,
    /// Whether what follows is perhaps quoted by a diagnostic.
    is_doubtful: bool,
    /// Whether that diagnostic is an error.
    is_doubt_of_error: bool,
    items: Vec<Item>,
}

impl Reader<'_> {
    fn step(&mut self) {
        let line = self.lines[self.at].as_str();
        if line == OUTPUTS && !self.is_doubtful {
            let rest = self.lines[self.at..].iter().cloned();
            self.items.extend(rest.map(Item::DoubtfulLine));
            self.at = self.lines.len();
        } else if is_streamed(line) {
            self.at += 1;
        } else if self.form != Some(Form::Plain) && self.opens_box() {
            self.form = Some(Form::Boxed);
            self.take_box();
        } else if self.form != Some(Form::Boxed) && opens_block(line) {
            self.form = Some(Form::Plain);
            self.take_block();
        } else {
            self.items.push(if self.is_doubtful {
                Item::DoubtfulLine(line.to_owned())
            } else {
                Item::Line(line.to_owned())
            });
            self.at += 1;
        }
    }

    /// The CLI configuration is read before the flags are, so its boxes say nothing of the form.
    fn skip_cli_configuration(&mut self) {
        let is_blank = |line: &String| line.trim().is_empty();
        let first = self.lines.iter().position(|line| !is_blank(line));
        let Some(first) = first.filter(|&at| opens_cli_configuration(&self.lines[at])) else {
            return;
        };
        self.at = first + 1;
        while self.opens_box() || self.lines.get(self.at).is_some_and(is_blank) {
            if self.opens_box() {
                self.take_box();
            } else {
                self.at += 1;
            }
        }
    }

    fn opens_box(&self) -> bool {
        let is_top = |line: &String| after_prompt(line).trim_end() == "╷";
        self.lines.get(self.at).is_some_and(is_top)
            && self
                .lines
                .get(self.at + 1)
                .and_then(|line| boxed(line))
                .is_some_and(opens_block)
    }

    fn take_box(&mut self) {
        let rest = &self.lines[self.at + 1..];
        let inside: Vec<&str> = rest.iter().map_while(|line| boxed(line)).collect();
        self.at += 1 + inside.len();
        let is_bottom = |line: &String| line.trim_end() == "╵";
        if self.lines.get(self.at).is_some_and(is_bottom) {
            self.at += 1;
        }
        if inside[0].starts_with("Error: ") {
            self.items.extend(from_block(&inside).map(Item::Fault));
        }
    }

    /// Takes a block that nothing closes: it ends where the next one starts, or what can't be part of one.
    ///
    /// A detail may itself start with `Error: `. It then comes after one blank line, while an error without
    /// detail leaves two.
    fn take_block(&mut self) {
        let start = self.at;
        let is_error = self.lines[start].starts_with("Error: ");
        let quoted_to = quoted::end_of_provisioner_error(self.lines, start);
        let mut end = start + 1;
        while let Some(line) = self.lines.get(end) {
            let is_first_of_detail = end == start + 2 && self.lines[start + 1].is_empty();
            let is_next = (opens_block(line) && !is_first_of_detail) || is_own(line);
            if quoted_to.map_or(is_next, |to| end >= to) {
                break;
            }
            end += 1;
        }
        let block: Vec<&str> = self.lines[start..end].iter().map(String::as_str).collect();
        self.at = end;
        let Some(fault) = from_block(&block) else {
            return;
        };
        let was_doubtful = self.is_doubtful;
        if quoted_to.is_none() && may_quote(&fault) {
            self.is_doubtful = true;
            self.is_doubt_of_error |= is_error;
        }
        if !is_error {
            return;
        }
        if !was_doubtful {
            self.items.push(Item::Fault(fault));
        } else if !self.is_certainly_quoted(&fault) {
            self.items.push(Item::Doubtful(fault));
        }
    }

    /// Whether the tool does not print this error at this point.
    ///
    /// It sorts the errors of an operation by where they come from: those that name no place come first. Only
    /// that the lock could not be released is printed later. And it does not ask for a lock that it has.
    fn is_certainly_quoted(&self, fault: &Fault) -> bool {
        let is_late = self.is_doubt_of_error && fault.is_of_core() && !is_release(fault);
        is_late || (is_locked_out(fault) && self.has_begun())
    }

    /// Whether the tool has got far enough to hold the lock, or has failed already.
    fn has_begun(&self) -> bool {
        self.items.iter().any(|item| match item {
            Item::Line(line) => is_progress(line) || line.starts_with("Plan: "),
            Item::Fault(_) => true,
            Item::DoubtfulLine(_) | Item::Message(_) | Item::Doubtful(_) => false,
        })
    }
}

/// What a line holds if it belongs to a box.
fn boxed(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('│')?;
    Some(inside.strip_prefix(' ').unwrap_or(inside))
}

fn opens_block(line: &str) -> bool {
    line.starts_with("Error: ") || line.starts_with("Warning: ")
}

/// Whether the detail may hold lines of anybody: a script, a provider, the configuration's author.
fn may_quote(fault: &Fault) -> bool {
    let summary = folded(&fault.summary).to_lowercase();
    fault.address.is_some() || AUTHORS_WORDS.contains(&summary.as_str())
}

fn is_release(fault: &Fault) -> bool {
    fault.summary.starts_with("Error releasing the state lock")
}

fn is_locked_out(fault: &Fault) -> bool {
    fault.summary.starts_with("Error acquiring the state lock")
        || fault.summary.starts_with("Error locking state")
}
