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

/// What a line says of the work on a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::runner) enum Progress {
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
const PROGRESS: [(&str, Progress); 18] = [
    (": Refreshing state...", Progress::Reads),
    (": Reading...", Progress::Reads),
    (": Still reading...", Progress::Reads),
    (": Read complete", Progress::Reads),
    (": Drift detected", Progress::Reads),
    (": Preparing import...", Progress::Reads),
    (": Import prepared", Progress::Reads),
    (": Creating...", Progress::Begins),
    (": Modifying...", Progress::Begins),
    (": Destroying...", Progress::Begins),
    (": Importing from ID", Progress::Continues),
    (": Still creating...", Progress::Continues),
    (": Still modifying...", Progress::Continues),
    (": Still destroying...", Progress::Continues),
    (": Provisioning with ", Progress::Continues),
    (": Creation complete", Progress::Ends),
    (": Modifications complete", Progress::Ends),
    (": Destruction complete", Progress::Ends),
];

/// Returns the progress of a resource that a line reports.
pub(in crate::runner) fn progress(line: &str) -> Option<Progress> {
    let found = PROGRESS.iter().find(|(words, _)| line.contains(words));
    found
        .filter(|_| !is_streamed(line))
        .map(|(_, progress)| *progress)
}

/// Returns whether a line reports progress of a resource.
pub(super) fn is_progress(line: &str) -> bool {
    progress(line).is_some()
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
