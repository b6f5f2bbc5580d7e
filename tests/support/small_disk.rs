//! A disk that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::statvfs::statvfs;
use tempfile::TempDir;

use super::bounded::output_of;
use super::waiting::{SOON, wait_for};

/// A tmpfs of a given size; dropping it unmounts it.
pub(crate) struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Mounts it; fails the test if that is not allowed, because a skipped test proves nothing.
    #[track_caller]
    pub(crate) fn mount(kibibytes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let mounted = output_of(
            Command::new("mount")
                .args(["-t", "tmpfs", "-o", &format!("size={kibibytes}k"), "tmpfs"])
                .arg(folder.path()),
        );
        assert!(
            mounted.status.success(),
            "a small tmpfs can't be mounted; run the tests as root: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        Self { folder }
    }

    /// Waits until this many bytes are free: a process that another test is starting may hold a removed file for a
    /// moment longer.
    #[allow(dead_code, reason = "not every test that fills a disk empties it")]
    pub(crate) fn wait_for_room(&self, bytes: u64) {
        wait_for("room on the disk", SOON, || {
            let found = statvfs(self.path()).expect("it is mounted");
            let room = found.blocks_available() * found.fragment_size();
            (room >= bytes).then_some(())
        });
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns a path for a run directory on it, which does not exist yet.
    pub(crate) fn run_dir(&self) -> PathBuf {
        self.path().join("run")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process of the test may keep a file open there until it ends.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
