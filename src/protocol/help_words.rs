//! Words with which both tools print help or their version instead of running the command.

/// Returns whether an argument makes both tools print their help or version, wherever among the arguments it is: they
/// run no command then, and exit with 0.
pub(crate) fn asks_for_help_or_version(argument: &str) -> bool {
    matches!(
        argument,
        "-h" | "-help" | "--help" | "-v" | "-version" | "--version"
    )
}
