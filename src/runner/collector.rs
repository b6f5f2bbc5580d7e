//! How far the heap of a tool may grow before Go collects.

use std::path::Path;

/// The variable by which Go is told, in per cent of what is in use. Without it, 100.
pub(super) const VARIABLE: &str = "GOGC";

/// What a command gets; none for as Go has it.
///
/// Commands that end within moments spend a third of these on collecting. They may hold more where the tool is alone, so
/// that no provider or other program inherits it, and where an apply of the same configuration holds more anyway: with
/// 3,000 resources that was 481 MB, for a plan with this 402 instead of 183 MB, for the others up to 267 instead of 223.
/// Whatever lets providers work, or may start a provisioner, takes the memory that it takes without us.
pub(super) fn percent(command: &str, has_plugins: impl Fn() -> bool) -> Option<&'static str> {
    match command {
        "init" | "output" | "version" | "workspace" => Some("400"),
        "plan" | "show" | "validate" if !has_plugins() => Some("400"),
        _ => None,
    }
}

/// Whether providers that are programs of their own are installed in a tool's data directory.
///
/// Not seen are those that a CLI configuration puts in the place of installed ones (`dev_overrides`).
pub(super) fn has_plugins(data_dir: &Path) -> bool {
    // Who cannot look must not say that there are none.
    data_dir.join("providers").try_exists().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tool_alone_collects_seldom() {
        let table = [
            ("init", Some("400"), Some("400")),
            ("output", Some("400"), Some("400")),
            ("version", Some("400"), Some("400")),
            ("workspace", Some("400"), Some("400")),
            ("plan", Some("400"), None),
            ("show", Some("400"), None),
            ("validate", Some("400"), None),
            ("apply", None, None),
            ("destroy", None, None),
            ("import", None, None),
            ("refresh", None, None),
            ("test", None, None),
        ];
        for (command, alone, with_plugins) in table {
            assert_eq!(percent(command, || false), alone, "{command}");
            assert_eq!(percent(command, || true), with_plugins, "{command}");
        }
    }

    #[test]
    fn plugins_are_where_init_puts_them() {
        let data_dir = tempfile::tempdir().unwrap();
        assert!(!has_plugins(data_dir.path()));
        std::fs::create_dir(data_dir.path().join("providers")).unwrap();
        assert!(has_plugins(data_dir.path()));
    }
}
