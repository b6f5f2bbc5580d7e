//! Lines that are the tool's own, and lines of a provisioner, by their words.

/// The line above the output values; nothing but values follows.
pub(in crate::runner) const OUTPUTS: &str = "Outputs:";
/// How the line starts that both tools print last for `apply`.
pub(in crate::runner) const CLOSING: &str = "Apply complete! Resources: ";

/// Lines that are never part of a diagnostic, by how they start.
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

/// What follows the address of a resource that is worked on.
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

/// Whether a line says that a resource is worked on.
pub(in crate::runner) fn is_progress(line: &str) -> bool {
    PROGRESS.iter().any(|words| line.contains(words)) && !is_streamed(line)
}

/// Whether a line is what a provisioner prints while it runs: `ADDRESS (PROVISIONER): `.
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

/// Whether a line is what a Go program prints when it dies of a fault of its own or of SIGQUIT.
pub(in crate::runner) fn is_crash(line: &str) -> bool {
    let starts = ["fatal error: ", "panic: ", "SIGQUIT: quit", "runtime: "];
    starts.iter().any(|start| line.starts_with(start))
}

/// A prompt has no line break, so what follows it stands on its line.
pub(in crate::runner) fn after_prompt(line: &str) -> &str {
    line.split_once("Enter a value: ")
        .map_or(line, |(_, rest)| rest)
}

/// Whether a line is never part of a diagnostic.
pub(super) fn is_own(line: &str) -> bool {
    is_streamed(line) || is_progress(line) || OWN_STARTS.iter().any(|start| line.starts_with(start))
}
