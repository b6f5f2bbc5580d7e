//! Arguments that make both tools print help or their version instead of running the command.

/// Returns whether an argument, at any position, makes both tools print their help or version. They then run no
/// command and exit with 0.
pub(crate) fn asks_for_help_or_version(argument: &str) -> bool {
    matches!(
        argument,
        "-h" | "-help" | "--help" | "-v" | "-version" | "--version"
    )
}
