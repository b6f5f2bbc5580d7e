//! Finds the tool.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use thiserror::Error;

use crate::protocol::Tool;

/// No directory of `PATH` contains the tool.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{tool}` was not found in PATH (looked in {}); install {} or put its directory into PATH",
    shown(looked_in),
    tool.product()
)]
pub(crate) struct ToolNotFound {
    tool: Tool,
    looked_in: Vec<PathBuf>,
}

fn shown(directories: &[PathBuf]) -> String {
    if directories.is_empty() {
        return "no directory: PATH is empty".to_owned();
    }
    let shown: Vec<String> = directories
        .iter()
        .map(|dir| dir.display().to_string())
        .collect();
    shown.join(", ")
}

/// Finds the tool's program in a `PATH`, as an absolute path.
///
/// Relative directories, including the empty one, are skipped: they would be resolved against the `work_dir`, and a
/// configuration must not supply its own `terraform`.
pub(crate) fn tool(tool: Tool, path: Option<&OsStr>) -> Result<PathBuf, ToolNotFound> {
    let path: OsString = path.unwrap_or_default().to_owned();
    let looked_in: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .collect();
    looked_in
        .iter()
        .map(|directory| directory.join(tool.program()))
        .find(|program| is_executable(program))
        .ok_or(ToolNotFound { tool, looked_in })
}

fn is_executable(program: &Path) -> bool {
    program.is_file() && access(program, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_executable_file_of_path_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let dirs = ["plain", "directory", "good", "later"].map(|name| root.path().join(name));
        for dir in &dirs {
            fs::create_dir(dir).unwrap();
        }
        fs::write(dirs[0].join("tofu"), "").unwrap();
        fs::create_dir(dirs[1].join("tofu")).unwrap();
        for dir in &dirs[2..] {
            fs::write(dir.join("tofu"), "").unwrap();
            fs::set_permissions(dir.join("tofu"), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::join_paths(
            [Path::new("relative"), Path::new("")]
                .into_iter()
                .chain(dirs.iter().map(PathBuf::as_path)),
        )
        .unwrap();
        assert_eq!(tool(Tool::Tofu, Some(&path)), Ok(dirs[2].join("tofu")));
        let fault = tool(Tool::Terraform, Some(&path)).unwrap_err().to_string();
        assert!(
            fault.contains("`terraform` was not found in PATH"),
            "{fault}"
        );
        assert!(fault.contains(&dirs[3].display().to_string()), "{fault}");
        assert!(!fault.contains("relative"), "{fault}");
    }
}
