//! The error about the CLI configuration, which the tools print before they do anything.

/// Printed by both tools above the boxes about their CLI configuration, which are boxes under `-no-color` too.
const CLI_CONFIGURATION: &str = "There are some problems with the CLI configuration";

/// Returns whether a line begins that error.
pub(super) fn opens_cli_configuration(line: &str) -> bool {
    line.starts_with(CLI_CONFIGURATION)
}
