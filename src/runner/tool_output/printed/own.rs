//! Recognizes lines of the tool itself, and lines of a provisioner, by their words.

/// The line above the output values; only values follow.
pub(crate) const OUTPUTS: &str = "Outputs:";
/// Beginning of the last line that both tools print for `apply`.
pub(crate) const CLOSING: &str = "Apply complete! Resources: ";

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

/// What a line says of the work on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceProgress {
    /// It is read, and not changed.
    Reads,
    /// Its change begins.
    Begins,
    /// Its change continues.
    Continues,
    /// Its change ends.
    Ends,
}

/// Text after the address of a resource in progress, and its meaning.
const PROGRESS: [(&str, ResourceProgress); 18] = [
    (": Refreshing state...", ResourceProgress::Reads),
    (": Reading...", ResourceProgress::Reads),
    (": Still reading...", ResourceProgress::Reads),
    (": Read complete", ResourceProgress::Reads),
    (": Drift detected", ResourceProgress::Reads),
    (": Preparing import...", ResourceProgress::Reads),
    (": Import prepared", ResourceProgress::Reads),
    (": Creating...", ResourceProgress::Begins),
    (": Modifying...", ResourceProgress::Begins),
    (": Destroying...", ResourceProgress::Begins),
    (": Importing from ID", ResourceProgress::Continues),
    (": Still creating...", ResourceProgress::Continues),
    (": Still modifying...", ResourceProgress::Continues),
    (": Still destroying...", ResourceProgress::Continues),
    (": Provisioning with ", ResourceProgress::Continues),
    (": Creation complete", ResourceProgress::Ends),
    (": Modifications complete", ResourceProgress::Ends),
    (": Destruction complete", ResourceProgress::Ends),
];

/// Returns the progress of a resource that a line reports.
pub(crate) fn progress(line: &str) -> Option<ResourceProgress> {
    let found = PROGRESS.iter().find(|(words, _)| line.contains(words));
    found
        .filter(|_| !is_streamed(line))
        .map(|(_, progress)| *progress)
}

/// Returns whether a line reports progress of a resource.
pub(crate) fn is_progress(line: &str) -> bool {
    progress(line).is_some()
}

/// Returns whether a line is the output of a running provisioner: `ADDRESS (PROVISIONER): `.
pub(crate) fn is_streamed(line: &str) -> bool {
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
pub(crate) fn is_crash(line: &str) -> bool {
    let starts = ["fatal error: ", "panic: ", "SIGQUIT: quit", "runtime: "];
    starts.iter().any(|start| line.starts_with(start))
}

/// Returns the text after a prompt, which has no line break.
pub(crate) fn after_prompt(line: &str) -> &str {
    line.split_once("Enter a value: ")
        .map_or(line, |(_, rest)| rest)
}

/// Returns whether a line is never part of a diagnostic.
pub(crate) fn is_own(line: &str) -> bool {
    is_streamed(line) || is_progress(line) || OWN_STARTS.iter().any(|start| line.starts_with(start))
}
