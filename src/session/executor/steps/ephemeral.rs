//! Decides which applies need the variables of their plan again.

use std::fs;
use std::io;
use std::path::Path;

use crate::protocol::Tool;
use crate::regular_file;

/// Keyword without which no variable is ephemeral.
const WORD: &str = "ephemeral";
/// Suffixes of the files that either tool reads as configuration.
const OF_CONFIGURATION: [&str; 4] = [".tf", ".tf.json", ".tofu", ".tofu.json"];

/// Longest configuration file that is read; in a longer one there may be any word.
const MAX_CONFIGURATION_BYTES: u64 = 16 * 1024 * 1024;

/// Returns whether an apply with this version of a tool may need the values of ephemeral variables.
///
/// A plan does not contain them. If the configuration declares none, or the version does not support them, an apply
/// gets no variables: earlier versions reject them.
pub(crate) fn are_needed_by(tool: Tool, version: &str, work_dir: &Path) -> bool {
    knows_them(tool, version) && may_be_in(work_dir)
}

/// Returns whether a configuration may declare ephemeral variables.
pub(crate) fn may_be_in(work_dir: &Path) -> bool {
    // An unreadable directory or file makes the apply itself fail.
    are_named_in(work_dir).unwrap_or(true)
}

fn knows_them(tool: Tool, version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return false;
    };
    let first = match tool {
        Tool::Terraform => (1, 10),
        Tool::Tofu => (1, 11),
    };
    (major, minor) >= first
}

fn are_named_in(work_dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(work_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_configuration = OF_CONFIGURATION.iter().any(|end| name.ends_with(end));
        if is_configuration && entry.path().is_file() {
            let file = regular_file::open_target(&entry.path())?;
            let text = regular_file::read_all(file, MAX_CONFIGURATION_BYTES)?;
            if text.windows(WORD.len()).any(|part| part == WORD.as_bytes()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_know_ephemeral_variables_or_do_not() {
        use Tool::{Terraform, Tofu};
        let table = [
            (Terraform, "1.9.8", false),
            (Terraform, "1.10.0", true),
            (Terraform, "1.11.4", true),
            (Terraform, "2.0.0-beta1", true),
            (Tofu, "1.6.2", false),
            (Tofu, "1.10.6", false),
            (Tofu, "1.11.0", true),
            (Tofu, "dev", false),
        ];
        for (tool, version, expected) in table {
            assert_eq!(knows_them(tool, version), expected, "{tool} {version}");
        }
    }

    #[test]
    fn only_the_files_of_the_root_module_count() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("README.md"), "ephemeral").unwrap();
        fs::write(dir.path().join("main.tf"), "variable \"a\" {}").unwrap();
        assert!(!are_named_in(dir.path()).unwrap());
        fs::write(dir.path().join("b.tf.json"), "{\"ephemeral\": true}").unwrap();
        assert!(are_named_in(dir.path()).unwrap());
    }
}
