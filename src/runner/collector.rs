//! How far the heap of a tool may grow before Go collects.

use std::ffi::OsStr;
use std::path::Path;

/// The variable by which Go is told, in per cent of what is in use. Without it, 100.
pub(super) const VARIABLE: &str = "GOGC";

/// What a command gets; none for as Go has it.
///
/// Commands that end within moments spend a third of these on collecting. They may hold more where the tool is alone, so
/// that no provider or other program inherits it, and where an apply of the same configuration holds more anyway: with
/// 3,000 resources that was 481 MB, for a plan with this 402 instead of 183 MB, for the others up to 267 instead of 223.
/// Whatever lets providers work, or may start a provisioner, takes the memory that it takes without us.
pub(super) fn percent(command: &str, has_plugins: bool) -> Option<&'static str> {
    match (command, has_plugins) {
        ("init" | "output" | "version" | "workspace", _) => Some("400"),
        ("plan" | "show" | "validate", false) => Some("400"),
        _ => None,
    }
}

/// Whether providers are installed for a directory that are programs of their own; `data_dir` is the tool's `TF_DATA_DIR`.
///
/// Not seen are those that a CLI configuration puts in the place of installed ones (`dev_overrides`).
pub(super) fn has_plugins(work_dir: &Path, data_dir: Option<&OsStr>) -> bool {
    let data_dir = data_dir.filter(|data_dir| !data_dir.is_empty());
    let data_dir = data_dir.map_or(Path::new(".terraform"), Path::new);
    // Who cannot look must not say that there are none.
    work_dir
        .join(data_dir)
        .join("providers")
        .try_exists()
        .unwrap_or(true)
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
            assert_eq!(percent(command, false), alone, "{command}");
            assert_eq!(percent(command, true), with_plugins, "{command}");
        }
    }

    #[test]
    fn plugins_are_where_init_puts_them() {
        let work_dir = tempfile::tempdir().unwrap();
        let has = |data_dir: Option<&str>| has_plugins(work_dir.path(), data_dir.map(OsStr::new));
        assert!(!has(None));
        std::fs::create_dir_all(work_dir.path().join(".terraform/providers")).unwrap();
        assert!(has(None) && has(Some("")) && !has(Some("data")));
        std::fs::create_dir_all(work_dir.path().join("data/providers")).unwrap();
        assert!(has(Some("data")));
    }
}
