//! A file that proves that no session of a deployment has begun.
//!
//! A deployment that is active and has no session on this disk has either not begun, or its directory was lost. The
//! fence tells them apart. The order is:
//!
//! 1. the fence is put up in the directory of the deployment;
//! 2. the store keeps that directory, durably: from now on the work may have begun;
//! 3. the session starts;
//! 4. the fence is taken down.
//!
//! So where the store has a directory, and there is neither a session nor a fence in it, the work had begun.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Its name in the directory of a deployment.
const FENCE_FILE: &str = "not-begun";

/// The fence of one deployment.
#[derive(Debug)]
pub(super) struct Fence {
    dir: PathBuf,
}

impl Fence {
    pub(super) fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Puts it up, in a directory that is made if it is missing. After a power cut it may be missing; then the deployment
    /// ends as one that had begun.
    pub(super) fn put_up(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.file())
            .map(drop)
    }

    pub(super) fn is_up(&self) -> io::Result<bool> {
        std::fs::exists(self.file())
    }

    /// Takes it down. It need not be there.
    pub(super) fn take_down(&self) -> io::Result<()> {
        match std::fs::remove_file(self.file()) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    fn file(&self) -> PathBuf {
        self.dir.join(FENCE_FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_goes_with_its_directory_and_is_taken_down_once() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("sessions").join("id");
        let fence = Fence::of(&dir);
        assert!(!fence.is_up().unwrap());
        fence.put_up().unwrap();
        fence.put_up().unwrap();
        assert!(fence.is_up().unwrap());
        fence.take_down().unwrap();
        fence.take_down().unwrap();
        assert!(!fence.is_up().unwrap() && dir.is_dir());
    }
}
