//! State files in a session's directory: finds them and keeps them when the session is removed.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use serde_json::Value;

use super::session_dir::SessionDir;
use crate::regular_file;

/// Directory for state that exists nowhere else, kept when its session is removed.
const LEFT_STATES: &str = "left-states";
/// Longest backend record that is read.
pub(crate) const MAX_BACKEND_RECORD_BYTES: u64 = 4 * 1024 * 1024;
/// Longest state that can count as empty: without resources, it holds little more than its outputs.
const MAX_EMPTY_STATE_BYTES: u64 = 1024 * 1024;

/// Moves state that exists nowhere else beside the sessions, since its resources have to be found again.
pub(crate) fn keep_state(
    root: &Path,
    name: &str,
    session_dir: &SessionDir,
    work_dir: Option<&Path>,
) -> io::Result<()> {
    let session = session_dir.dir().canonicalize()?;
    let source = session.join("source");
    let found = find_states(&source)?.into_iter();
    let mut found: BTreeSet<_> = found.map(|file| source.join(file)).collect();
    if let Some(work_dir) = work_dir {
        for local in local_backends(session_dir, work_dir)? {
            found.extend(local.states_within(&session)?);
        }
    }
    for from in found {
        if is_empty_state(&from)? {
            continue;
        }
        // Relative to the source if it is there; else relative to the session.
        let file = from
            .strip_prefix(&source)
            .or_else(|_| from.strip_prefix(&session))
            .map_err(io::Error::other)?;
        let to = root.join(LEFT_STATES).join(name).join(file);
        if let Some(parent) = to.parent() {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700).create(parent)?;
        }
        // A state contains values in plain text.
        fs::set_permissions(&from, Permissions::from_mode(0o600))?;
        fs::rename(&from, &to)?;
    }
    Ok(())
}

/// Where a local backend stores its states.
#[derive(Debug)]
pub(crate) struct LocalBackend {
    path: PathBuf,
    workspaces: PathBuf,
}

/// Returns the local backends that `init` has recorded for a session.
///
/// # Errors
/// One of the records exists but cannot be parsed.
pub(crate) fn local_backends(
    session_dir: &SessionDir,
    work_dir: &Path,
) -> io::Result<Vec<LocalBackend>> {
    let mut found = Vec::new();
    for folder in [session_dir.data_dir(), work_dir.join(".terraform")] {
        let record = folder.join("terraform.tfstate");
        let Some(text) = regular_file::read_if_there(&record, MAX_BACKEND_RECORD_BYTES)? else {
            continue;
        };
        let record: Value = serde_json::from_slice(&text)?;
        let backend = &record["backend"];
        if backend["type"] != "local" {
            continue;
        }
        let setting = |name: &str, default: &str| match &backend["config"][name] {
            Value::Null => Ok(work_dir.join(default)),
            Value::String(text) => Ok(work_dir.join(text)),
            _ => Err(io::Error::other("the backend cannot be understood")),
        };
        found.push(LocalBackend {
            path: setting("path", "terraform.tfstate")?,
            workspaces: setting("workspace_dir", "terraform.tfstate.d")?,
        });
    }
    Ok(found)
}

impl LocalBackend {
    /// Returns whether the backend writes its state below a directory.
    pub(crate) fn is_within(&self, dir: &Path) -> bool {
        let dir = dir.canonicalize();
        let folder = self.path.parent().and_then(|it| it.canonicalize().ok());
        folder.is_some_and(|folder| dir.is_ok_and(|dir| folder.starts_with(dir)))
    }

    /// Returns its states below a directory, with symbolic links in their paths resolved.
    fn states_within(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        if let Some(path) = real(&self.path)?.filter(|it| it.starts_with(dir)) {
            found.push(path);
        }
        if let Some(folder) = real(&self.workspaces)?.filter(|it| it.starts_with(dir)) {
            let files = find_states(&folder)?.into_iter();
            found.extend(files.map(|file| folder.join(file)));
        }
        Ok(found)
    }
}

/// Resolves the symbolic links in a path; returns `None` if nothing exists there.
fn real(path: &Path) -> io::Result<Option<PathBuf>> {
    match path.canonicalize() {
        Ok(path) => Ok(Some(path)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Returns whether a file is a state without resources. Files that are unrecognized or long count as non-empty.
fn is_empty_state(file: &Path) -> io::Result<bool> {
    if fs::symlink_metadata(file)?.len() > MAX_EMPTY_STATE_BYTES {
        return Ok(false);
    }
    let text = regular_file::read(file, MAX_EMPTY_STATE_BYTES)?;
    let state: Result<Value, _> = serde_json::from_slice(&text);
    Ok(state.is_ok_and(|state| {
        state["version"] == 4 && state["resources"].as_array().is_some_and(Vec::is_empty)
    }))
}

/// Returns the state files below a directory, relative to it, except those in a repository's history. Does not follow
/// links.
///
/// Directories whose path is longer than the system accepts are left out: a tool cannot name a state in them.
pub(crate) fn find_states(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    // Not recursive: a tree may be deeper than the stack, or than the number of files that may be open.
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(fault) if is_gone_or_too_deep(&fault) => continue,
            Err(fault) => return Err(fault),
        };
        for entry in entries {
            let entry = entry?;
            let kind = match entry.file_type() {
                Ok(kind) => kind,
                Err(fault) if is_gone_or_too_deep(&fault) => continue,
                Err(fault) => return Err(fault),
            };
            let name = entry.file_name();
            let path = folder.join(&name);
            if kind.is_dir() && name != ".git" && name != ".terraform" {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|it| it == "tfstate") {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn is_gone_or_too_deep(fault: &io::Error) -> bool {
    fault.kind() == io::ErrorKind::NotFound
        || fault.raw_os_error() == Some(Errno::ENAMETOOLONG as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{AT_FDCWD, OFlag, openat};
    use nix::sys::stat::{Mode, mkdirat};

    #[test]
    fn states_are_found_beside_a_tree_that_is_deeper_than_a_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b/.git")).unwrap();
        for file in ["a/b/one.tfstate", "a/b/.git/two.tfstate", "a/other"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let open = |at: std::os::fd::BorrowedFd<'_>, name: &Path| {
            openat(at, name, flags, Mode::empty()).unwrap()
        };
        let mut directory = open(AT_FDCWD, folder.path());
        let name = PathBuf::from("d".repeat(200));
        for _ in 0..50 {
            mkdirat(&directory, &name, Mode::S_IRWXU).unwrap();
            directory = open(std::os::fd::AsFd::as_fd(&directory), &name);
        }
        let found = find_states(folder.path()).unwrap();
        assert_eq!(found, [Path::new("a/b/one.tfstate")]);
        // `tempfile` may not remove a tree of this depth.
        crate::process::remove_tree(folder.path()).unwrap();
    }
}
