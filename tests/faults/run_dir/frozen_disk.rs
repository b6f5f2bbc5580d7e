//! A disk that hangs on demand.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// An ext4 file system on a loop device; dropping it unmounts it.
///
/// While it is frozen, a process that writes to it waits in the kernel and cannot be killed.
pub(super) struct FrozenDisk {
    folder: TempDir,
}

impl FrozenDisk {
    /// Mounts it; fails the test if that is not allowed, because a skipped test proves nothing.
    #[track_caller]
    pub(super) fn mount() -> Self {
        let disk = Self {
            folder: tempfile::tempdir().expect("a temporary directory"),
        };
        let image = disk.folder.path().join("image");
        let file = std::fs::File::create(&image).expect("a new file");
        file.set_len(64 * 1024 * 1024).expect("a sparse file");
        std::fs::create_dir(disk.mount_point()).expect("a new folder");
        succeeds(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image));
        succeeds(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(&image)
                .arg(disk.mount_point()),
        );
        disk
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.mount_point().join(name)
    }

    /// Makes every write hang from now on.
    #[track_caller]
    pub(super) fn freeze(&self) {
        succeeds(Command::new("fsfreeze").arg("-f").arg(self.mount_point()));
    }

    /// Lets all hanging writes continue.
    #[track_caller]
    pub(super) fn thaw(&self) {
        succeeds(Command::new("fsfreeze").arg("-u").arg(self.mount_point()));
    }
}

impl Drop for FrozenDisk {
    fn drop(&mut self) {
        let quietly = |command: &mut Command| drop(command.output());
        // It may already be thawed.
        quietly(Command::new("fsfreeze").arg("-u").arg(self.mount_point()));
        // Lazily: a process of the test may keep a file open there until it ends.
        quietly(Command::new("umount").arg("-l").arg(self.mount_point()));
    }
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let Output { status, stderr, .. } = command.output().expect("the command starts");
    assert!(
        status.success(),
        "{command:?} failed; run the tests as root: {}",
        String::from_utf8_lossy(&stderr)
    );
}

/// Returns whether a path exists, without following links.
pub(super) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
