//! A file that proves that no session of a deployment has begun.
//!
//! An active deployment without a session on this disk has either not begun, or its directory was lost. The fence tells
//! these cases apart. The order is:
//!
//! 1. create the fence in the deployment's directory;
//! 2. save that directory in the store, durably: from here on, work may have begun;
//! 3. start the session;
//! 4. remove the fence.
//!
//! So work had begun if the store has a directory that contains neither a session nor a fence.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// File name in the directory of a deployment.
const FENCE_FILE: &str = "not-begun";

/// The fence of one deployment.
#[derive(Debug)]
pub(crate) struct Fence {
    dir: PathBuf,
}

impl Fence {
    pub(crate) fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Creates the fence, and its directory if missing. A power failure may lose the fence; the deployment then ends as
    /// if work had begun.
    pub(crate) fn put_up(&self) -> io::Result<()> {
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

    pub(crate) fn is_up(&self) -> io::Result<bool> {
        std::fs::exists(self.file())
    }

    /// Removes the fence, if it exists.
    pub(crate) fn take_down(&self) -> io::Result<()> {
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
