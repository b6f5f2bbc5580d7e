//! Errors that the tools print as bare sentences.
//!
//! Older commands write to stderr without a block: `state push`, `state mv`, `workspace`,
//! `force-unlock`, `init` of tofu, and the Go runtime itself.

use crate::runner::tool_output::printed::{Printed, PrintedError, PrintedPart, after_prompt};

/// Beginnings of bare errors.
const OPENINGS: [&str; 6] = [
    "Error ",
    "Failed ",
    "fatal error: ",
    "panic: ",
    "SIGQUIT: quit",
    "Error: ",
];
/// Output with more lines than this is more than an error, so its first line is not informative.
const FEW_LINES: usize = 30;

/// Returns the error in output without a block.
pub(super) fn fault(printed: &Printed) -> Option<PrintedError> {
    let lines = printed.items.iter().filter_map(|item| match item {
        PrintedPart::Line(line) | PrintedPart::DoubtfulLine(line) => Some(line.as_str()),
        PrintedPart::Message(_) | PrintedPart::Fault(_) | PrintedPart::Doubtful(_) => None,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let opening = |line: &&str| OPENINGS.iter().any(|start| line.starts_with(start));
    let told = text.lines().map(after_prompt).find(opening);
    let first = || {
        let is_told_first = text.starts_with("Usage: ") || text.lines().count() <= FEW_LINES;
        is_told_first
            .then(|| text.trim_start().split("\n\n").next())
            .flatten()
    };
    let last = || text.lines().rev().find(|line| !line.trim().is_empty());
    let summary = told.or_else(first).or_else(last)?.trim();
    let is_text = !summary.is_empty();
    is_text.then(|| PrintedError {
        summary: summary.to_owned(),
        ..PrintedError::default()
    })
}
