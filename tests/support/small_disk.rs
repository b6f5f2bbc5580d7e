//! A disk that is full soon.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A tmpfs of a given size, for as long as this lives.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts one; fails the test where that is not allowed, since a skipped test proves nothing.
    #[track_caller]
    pub(crate) fn mount(kibibytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "tmpfs"])
            .arg(folder.path())
            .output()
            .expect("`mount` starts");
        assert!(
            mounted.status.success(),
            "a small tmpfs can't be mounted; run the tests as root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A run directory on it that does not exist yet.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.path().join("run")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever of the test still has a file open there keeps it until its own end.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
