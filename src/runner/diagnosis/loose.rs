//! Errors that the tools print as bare sentences.
//!
//! Older commands write to stderr without a block: `state push`, `state mv`, `workspace`,
//! `force-unlock`, `init` of tofu, and the Go runtime itself.

use super::fault::Fault;

/// How a bare error starts.
const OPENINGS: [&str; 5] = ["Error ", "Failed ", "fatal error: ", "panic: ", "Error: "];
/// Output with more lines than this is more than an error, so its first line says nothing.
const FEW_LINES: usize = 30;

/// The error in output that has no block.
pub(super) fn fault(text: &str) -> Option<Fault> {
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
    is_text.then(|| Fault {
        summary: summary.to_owned(),
        ..Fault::default()
    })
}

/// A prompt has no line break, so what follows it stands on its line.
fn after_prompt(line: &str) -> &str {
    line.split_once("Enter a value: ")
        .map_or(line, |(_, rest)| rest)
}
