//! The temporary directory of one run.
//!
//! Its path is short, since provider plugins create their sockets there and a socket's path is limited to 107
//! bytes. It is locked as long as the supervisor or any process of the run lives, so that a later run can remove
//! what a crash has left.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::unistd::getuid;
use uuid::Uuid;

use crate::process::remove_tree;

/// A younger directory may be under construction, before its lock.
const YOUNG: Duration = Duration::from_secs(10 * 60);
/// Most leftovers of other runs that one run removes.
const MOST_SWEPT: usize = 16;
/// Characters of a name: four billion names, none of which is used twice at a time.
const NAME_CHARS: usize = 8;

/// A directory that only this user can access.
#[derive(Debug)]
pub(super) struct TempDir {
    path: PathBuf,
    /// Closing it releases the lock.
    _lock: File,
}

impl TempDir {
    /// Creates a directory with a new name.
    pub(super) fn create() -> io::Result<Self> {
        let parent = parent();
        match create_private(&parent) {
            Ok(()) => Self::create_in(&parent),
            // Another user has created it: then use a directory that cannot be swept later.
            Err(_) => Self::create_in(&std::env::temp_dir()),
        }
    }

    fn create_in(folder: &Path) -> io::Result<Self> {
        let mut name = Uuid::new_v4().simple().to_string();
        name.truncate(NAME_CHARS);
        let path = folder.canonicalize()?.join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = File::open(&path)?;
        lock.try_lock_shared().map_err(io::Error::from)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a separate lock for the processes of the run: they can release only this one.
    pub(super) fn held(&self) -> io::Result<OwnedFd> {
        let held = File::open(&self.path)?;
        held.try_lock_shared().map_err(io::Error::from)?;
        Ok(held.into())
    }

    /// Removes the directory with everything in it; does not follow links.
    pub(super) fn remove(self) -> io::Result<()> {
        remove_tree(&self.path)
    }
}

/// Returns the directory in which the directories of this user are created.
fn parent() -> PathBuf {
    std::env::temp_dir().join(format!("iac-runner-{}", getuid()))
}

/// Creates the parent, or checks that it belongs to this user and no other user can access it.
fn create_private(parent: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(parent) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault),
        Ok(()) | Err(_) => {}
    }
    let found = parent.symlink_metadata()?;
    if found.is_dir() && found.uid() == getuid().as_raw() && found.mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Locks a directory if no process of a run has it locked; returns `None` otherwise.
fn claim(path: &Path) -> Option<File> {
    let directory = File::open(path).ok()?;
    match directory.try_lock() {
        Ok(()) => Some(directory),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}

/// Removes leftovers of this user's runs whose supervisor and processes are gone.
pub(crate) fn remove_leftovers() {
    let parent = parent();
    if create_private(&parent).is_ok() {
        remove_leftovers_in(&parent);
    }
}

fn remove_leftovers_in(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    let left = entries.flatten().map(|entry| entry.path());
    for path in left.filter(|path| is_old(path)).take(MOST_SWEPT) {
        if let Some(claimed) = claim(&path) {
            let _ = remove_tree(&path);
            drop(claimed);
        }
    }
}

fn is_old(path: &Path) -> bool {
    let found = path.symlink_metadata();
    let age = |changed: SystemTime| changed.elapsed().unwrap_or_default();
    found.is_ok_and(|found| {
        found.is_dir() && found.modified().is_ok_and(|changed| age(changed) > YOUNG)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits for a condition. A child that another test forked delays it until it calls exec: until then it has a
    /// copy of every descriptor.
    fn comes_true(is_true: impl Fn() -> bool) -> bool {
        (0..6000).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            is_true()
        })
    }

    #[test]
    fn it_is_private_short_and_gone_when_removed() {
        let folder = TempDir::create().unwrap();
        let path = folder.path().to_owned();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700);
        assert!(path.as_os_str().len() < 60, "{path:?}");
        fs::write(path.join("file"), "").unwrap();
        folder.remove().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn it_is_locked_until_the_last_of_the_run_is_gone() {
        let folder = TempDir::create().unwrap();
        let path = folder.path().to_owned();
        let is_locked = || claim(&path).is_none();
        let held = folder.held().unwrap();
        assert!(is_locked());
        drop(folder);
        assert!(is_locked());
        drop(held);
        assert!(comes_true(|| !is_locked()));
        fs::remove_dir(&path).unwrap();
    }

    #[test]
    fn only_what_is_old_and_unlocked_is_swept() {
        let age = |path: &Path, seconds: u64| {
            let then = SystemTime::now() - Duration::from_secs(seconds);
            File::open(path).unwrap().set_modified(then).unwrap();
        };
        let parent = tempfile::tempdir().unwrap();
        let create = || TempDir::create_in(parent.path()).unwrap();
        let (young, locked, left) = (create(), create(), create());
        age(locked.path(), 3600);
        age(left.path(), 3600);
        let [young_path, left_path] = [&young, &left].map(|it| it.path().to_owned());
        drop((young, left));
        assert!(comes_true(|| {
            remove_leftovers_in(parent.path());
            !left_path.exists()
        }));
        assert!(young_path.exists());
        assert!(locked.path().exists());
    }
}
