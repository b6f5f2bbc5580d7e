//! Recognizes lines of the tool itself, and lines of a provisioner, by their words.

/// The line above the output values; only values follow.
pub(in crate::runner) const OUTPUTS: &str = "Outputs:";
/// Beginning of the last line that both tools print for `apply`.
pub(in crate::runner) const CLOSING: &str = "Apply complete! Resources: ";

/// Beginnings of lines that are never part of a diagnostic.
const OWN_STARTS: [&str; 9] = [
    "Apply complete! ",
    "Destroy complete! ",
    "Plan: ",
    "Interrupt received.",
    "Two interrupts received.",
    "Stopping operation...",
    "Acquiring state lock.",
    "Releasing state lock.",
    OUTPUTS,
];

/// Text after the address of a resource in progress.
const PROGRESS: [&str; 18] = [
    ": Creating...",
    ": Still creating...",
    ": Creation complete",
    ": Modifying...",
    ": Still modifying...",
    ": Modifications complete",
    ": Destroying...",
    ": Still destroying...",
    ": Destruction complete",
    ": Refreshing state...",
    ": Reading...",
    ": Still reading...",
    ": Read complete",
    ": Provisioning with ",
    ": Importing from ID",
    ": Import prepared",
    ": Drift detected",
    ": Preparing import...",
];

/// Returns whether a line reports progress of a resource.
pub(in crate::runner) fn is_progress(line: &str) -> bool {
    PROGRESS.iter().any(|words| line.contains(words)) && !is_streamed(line)
}

/// Returns whether a line is the output of a running provisioner: `ADDRESS (PROVISIONER): `.
pub(super) fn is_streamed(line: &str) -> bool {
    let Some((before, rest)) = line.split_once(" (") else {
        return false;
    };
    let Some((kind, _)) = rest.split_once("):") else {
        return false;
    };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !kind.is_empty() && kind.chars().all(is_word) && !before.contains(": ")
}

/// Returns whether a line is printed by a Go program that dies of an internal fault or SIGQUIT.
pub(in crate::runner) fn is_crash(line: &str) -> bool {
    let starts = ["fatal error: ", "panic: ", "SIGQUIT: quit", "runtime: "];
    starts.iter().any(|start| line.starts_with(start))
}

/// Returns the text after a prompt, which has no line break.
pub(in crate::runner) fn after_prompt(line: &str) -> &str {
    line.split_once("Enter a value: ")
        .map_or(line, |(_, rest)| rest)
}

/// Returns whether a line is never part of a diagnostic.
pub(super) fn is_own(line: &str) -> bool {
    is_streamed(line) || is_progress(line) || OWN_STARTS.iter().any(|start| line.starts_with(start))
}
