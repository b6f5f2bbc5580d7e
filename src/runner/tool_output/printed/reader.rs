//! Parses lines: a diagnostic is a box, under `-no-color` a block of bare lines, with `-json` a message.
//!
//! One output may contain all three: a script in the tool's place may print its own lines before it becomes the
//! tool, or run the tool twice, and `TF_CLI_ARGS` may set the form.

use super::cli_configuration::opens_cli_configuration;
use super::fault::{PrintedError, folded, from_block};
use super::own::{OUTPUTS, after_prompt, is_own, is_progress, is_streamed};
use super::{EarlierProgress, Printed, PrintedPart, json, quoted};

/// The audience of the tool's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// A person.
    Human,
    /// A program: one JSON message per line. Bare lines may come from others, such as a log.
    Json,
}

/// Summaries of diagnostics whose detail is text by the configuration's author.
const AUTHORS_WORDS: [&str; 7] = [
    "check block assertion failed",
    "module output value precondition failed",
    "output value precondition failed",
    "resource precondition failed",
    "resource postcondition failed",
    "invalid value for variable",
    "invalid value for input variable",
];

pub(crate) fn read(lines: &[String], language: Language) -> Printed {
    let mut reader = PrintedReader {
        lines,
        at: 0,
        language,
        has_boxes: false,
        is_doubtful: false,
        is_doubt_of_error: false,
        has_begun_since: false,
        has_skipped_box: false,
        items: Vec::new(),
    };
    reader.skip_cli_configuration();
    while reader.at < lines.len() {
        reader.step();
    }
    Printed {
        items: reader.items,
        has_skipped_box: reader.has_skipped_box,
        is_cut: false,
        earlier: EarlierProgress::default(),
    }
}

struct PrintedReader<'a> {
    lines: &'a [String],
    at: usize,
    language: Language,
    /// Whether a diagnostic came in a box: text that then looks like a bare one may not be one.
    has_boxes: bool,
    /// Whether the following text may be quoted, by a diagnostic or by an output value.
    is_doubtful: bool,
    /// Whether that diagnostic is an error.
    is_doubt_of_error: bool,
    /// Whether the tool has started an operation since.
    has_begun_since: bool,
    /// Whether a box was skipped that such an error quotes.
    has_skipped_box: bool,
    items: Vec<PrintedPart>,
}

impl PrintedReader<'_> {
    fn step(&mut self) {
        let line = self.lines[self.at].as_str();
        let is_human = self.language == Language::Human;
        if is_human && is_streamed(line) {
            self.at += 1;
        } else if self.opens_box() {
            let is_quoted = self.is_doubt_of_error && !self.has_boxes && !self.has_begun_since;
            if is_quoted {
                self.skip_box();
            } else {
                self.has_boxes = true;
                self.take_box();
            }
        } else if opens_block(line) {
            self.take_block();
        } else {
            self.is_doubtful |= is_human && line == OUTPUTS;
            self.take_line(line);
            self.at += 1;
        }
    }

    /// Skips a box that the plain block of an error quotes: one run of the tool uses one form.
    fn skip_box(&mut self) {
        let rest = &self.lines[self.at + 1..];
        self.at += 1 + rest.iter().take_while(|line| boxed(line).is_some()).count();
        self.has_skipped_box = true;
    }

    /// Processes a line outside of diagnostics, or a message.
    fn take_line(&mut self, line: &str) {
        let message = match self.language {
            Language::Human => json::tool_message(line),
            Language::Json => match json::message(line) {
                Some(message) => {
                    self.items.extend(json::item(&message));
                    return;
                }
                None => None,
            },
        };
        match message {
            Some(PrintedPart::Fault(fault)) => self.push_fault(fault),
            Some(message) if !self.is_doubtful => self.items.push(message),
            Some(_) => {}
            None if self.is_doubtful => {
                self.has_begun_since |=
                    is_progress(line) || line.starts_with("Acquiring state lock.");
                self.items.push(PrintedPart::DoubtfulLine(line.to_owned()));
            }
            None => self.items.push(PrintedPart::Line(line.to_owned())),
        }
    }

    fn push_fault(&mut self, fault: PrintedError) {
        if !self.is_doubtful {
            self.items.push(PrintedPart::Fault(fault));
        } else if !self.is_certainly_quoted(&fault) {
            self.items.push(PrintedPart::Doubtful(fault));
        }
    }

    /// Skips the boxes about the CLI configuration, which the tool reads before the flags: they do not show the
    /// form.
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
        self.box_opens_at(self.at)
    }

    fn box_opens_at(&self, at: usize) -> bool {
        let is_top = |line: &String| after_prompt(line).trim_end() == "╷";
        self.lines.get(at).is_some_and(is_top)
            && self
                .lines
                .get(at + 1)
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
        if inside[0].starts_with("Error: ")
            && let Some(fault) = from_block(&inside)
        {
            self.push_fault(fault);
        }
    }

    /// Parses a block without an end mark: it ends where the next one starts, or at a line that can't be part of
    /// one.
    ///
    /// A detail may itself start with `Error: `. It then comes after one blank line, while an error without detail
    /// leaves two. Text that is quoted may leave one too: then it is the next error of the tool.
    fn take_block(&mut self) {
        let start = self.at;
        let is_error = self.lines[start].starts_with("Error: ");
        let quoted_to = quoted::end_of_provisioner_error(self.lines, start);
        let mut end = start + 1;
        while let Some(line) = self.lines.get(end) {
            let is_first_of_detail =
                !self.is_doubtful && end == start + 2 && self.lines[start + 1].is_empty();
            let is_next = (opens_block(line) && !is_first_of_detail) || is_own(line);
            let is_end = match quoted_to {
                Some(to) => end >= to,
                None if self.language == Language::Json => is_next || json::message(line).is_some(),
                None => is_next || (self.is_of_another_form(end) && !self.quotes(start, end)),
            };
            if is_end {
                break;
            }
            end += 1;
        }
        self.at = end;
        let Some(fault) = self.fault(start, end) else {
            return;
        };
        let was_doubtful = self.is_doubtful;
        let is_human = self.language == Language::Human;
        if is_human && quoted_to.is_none() && may_quote(&fault) {
            self.is_doubtful = true;
            self.is_doubt_of_error |= is_error;
        }
        if !is_error {
            return;
        }
        if (self.has_boxes || !is_human) && !was_doubtful {
            self.items.push(PrintedPart::Doubtful(fault));
        } else if !was_doubtful {
            self.items.push(PrintedPart::Fault(fault));
        } else if !self.is_certainly_quoted(&fault) {
            self.items.push(PrintedPart::Doubtful(fault));
        }
    }

    fn fault(&self, start: usize, end: usize) -> Option<PrintedError> {
        let block: Vec<&str> = self.lines[start..end].iter().map(String::as_str).collect();
        from_block(&block)
    }

    /// Returns whether a diagnostic of another form begins here: after a line of a script, not of the tool.
    fn is_of_another_form(&self, at: usize) -> bool {
        self.box_opens_at(at) || json::tool_message(&self.lines[at]).is_some()
    }

    /// Returns whether the block so far is one that may quote text of others.
    fn quotes(&self, start: usize, end: usize) -> bool {
        self.fault(start, end).is_none_or(|fault| may_quote(&fault))
    }

    /// Returns whether the tool itself cannot have printed this error at this point.
    ///
    /// It sorts the errors of an operation by their origin: those without a place come first. Only the error that
    /// the lock could not be released is printed later. And it does not request a lock that it already holds.
    fn is_certainly_quoted(&self, fault: &PrintedError) -> bool {
        let is_late = self.is_doubt_of_error && fault.is_of_core() && !is_release(fault);
        let is_doubt_of_values = !self.is_doubt_of_error;
        is_late || (is_locked_out(fault) && self.has_begun() && !is_doubt_of_values)
    }

    /// Returns whether the tool has progressed far enough to hold the lock, or has failed already.
    fn has_begun(&self) -> bool {
        self.items.iter().any(|item| match item {
            PrintedPart::Line(line) => is_progress(line) || line.starts_with("Plan: "),
            PrintedPart::Fault(_) => true,
            PrintedPart::DoubtfulLine(_) | PrintedPart::Message(_) | PrintedPart::Doubtful(_) => {
                false
            }
        })
    }
}

/// Returns the content of a line if it belongs to a box.
fn boxed(line: &str) -> Option<&str> {
    let inside = line.strip_prefix('│')?;
    Some(inside.strip_prefix(' ').unwrap_or(inside))
}

fn opens_block(line: &str) -> bool {
    line.starts_with("Error: ") || line.starts_with("Warning: ")
}

/// Returns whether the detail may contain text of others: a script, a provider, the configuration's author.
fn may_quote(fault: &PrintedError) -> bool {
    let summary = folded(&fault.summary).to_lowercase();
    fault.address.is_some() || AUTHORS_WORDS.contains(&summary.as_str())
}

fn is_release(fault: &PrintedError) -> bool {
    fault.summary.starts_with("Error releasing the state lock")
}

fn is_locked_out(fault: &PrintedError) -> bool {
    fault.summary.starts_with("Error acquiring the state lock")
        || fault.summary.starts_with("Error locking state")
}
