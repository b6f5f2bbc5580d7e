//! The data directory of a service: its lock, and the identity of the node.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use iac_runner::process::{FileId, boot_id, metadata_of_own, restore_owner_access};
use nix::unistd::{AccessFlags, access};
use tracing::{error, warn};
use uuid::Uuid;

use crate::causes::Causes;
use crate::config::NODE_FILE;
use crate::service::OpenError;

/// Locked by the running service, besides the directory itself: earlier versions lock only this file, and not every file
/// system has locks of directories. The kernel releases the locks when the process ends.
const LOCK_FILE: &str = "backend.lock";
/// How long to wait for a held lock. If a service is killed while it starts a program, the new process holds the lock
/// until it executes the program.
const LOCK_WAIT: Duration = Duration::from_secs(3);
/// Pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// A data directory that no other service uses.
///
/// A node is identified by its data directory, which holds the sessions that it can recover. A host name would not do:
/// a container gets a new one each time it is created.
#[derive(Debug)]
pub(crate) struct DataDir {
    dir: PathBuf,
    id: FileId,
    /// The directory, which is locked and cannot be removed while it is in use; `None` if the file system has no such
    /// locks.
    locked_dir: Option<File>,
    lock_file: File,
    /// The modes of the directory and of its entries when they were first seen.
    modes: Mutex<HashMap<PathBuf, u32>>,
}

impl DataDir {
    /// Claims the directory, and creates it with mode 0700 if it is missing.
    pub(crate) fn claim(dir: &Path) -> Result<Self, OpenError> {
        let dir = std::path::absolute(dir).map_err(unusable(dir))?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(unusable(&dir))?;
        restore_access(&dir).map_err(unusable(&dir))?;
        let opened = File::open(&dir).map_err(unusable(&dir))?;
        let id = FileId::of(&opened.metadata().map_err(unusable(&dir))?);
        let locked_dir = match lock_within(&opened, LOCK_WAIT) {
            Ok(()) => Some(opened),
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { dir }),
            Err(TryLockError::Error(_)) => None,
        };
        let lock_file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(dir.join(LOCK_FILE))
            .map_err(unusable(&dir))?;
        match lock_within(&lock_file, LOCK_WAIT) {
            Ok(()) => Ok(Self {
                dir,
                id,
                locked_dir,
                lock_file,
                modes: Mutex::default(),
            }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir }),
            Err(TryLockError::Error(fault)) => Err(unusable(&dir)(fault)),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes sure that this service can use the directory and what is directly in it, such as the database and the
    /// directory of all sessions, and that other users have no more access to them than before.
    ///
    /// A tool of a deployment can change their mode; Landlock does not limit that.
    ///
    /// # Errors
    /// It cannot, or the directory or its only lock was removed or replaced: another service may use it.
    fn keep_accessible(&self) -> io::Result<()> {
        self.restore_mode(&self.dir)?;
        self.expect_locked()?;
        for entry in fs::read_dir(&self.dir)? {
            self.restore_mode(&entry?.path())?;
        }
        access(&self.dir, AccessFlags::W_OK | AccessFlags::X_OK)?;
        Ok(())
    }

    /// Makes sure that deployments can be stored in the directory; returns whether they can.
    pub(crate) fn can_store_deployments(&self) -> bool {
        match self.keep_accessible() {
            Ok(()) => true,
            Err(fault) => {
                error!(error = %Causes(&fault), "data directory not usable");
                false
            }
        }
    }

    /// Gives this service back its access to a file, and takes away access that others did not have at first.
    fn restore_mode(&self, path: &Path) -> io::Result<()> {
        restore_access(path)?;
        let Some(metadata) = metadata_of_own(path)? else {
            return Ok(());
        };
        let mode = metadata.permissions().mode();
        let mut modes = self.modes.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *modes.entry(path.to_owned()).or_insert(mode);
        if mode & !first != 0 {
            fs::set_permissions(path, Permissions::from_mode(first))?;
            warn!(path = %path.display(), "others were given access to a file of the service; taken away");
        }
        Ok(())
    }

    fn expect_locked(&self) -> io::Result<()> {
        let replaced = |path: &Path| {
            let text = format!("`{}` was removed or replaced", path.display());
            Err(io::Error::other(text))
        };
        if self.id.has_left(&self.dir) {
            return replaced(&self.dir);
        }
        let lock_file = self.dir.join(LOCK_FILE);
        let is_only_lock = self.locked_dir.is_none();
        if is_only_lock && FileId::of(&self.lock_file.metadata()?).has_left(&lock_file) {
            return replaced(&lock_file);
        }
        Ok(())
    }

    /// Returns what no copy of the directory shares: its device and inode, and the boot of the system, without which
    /// the copy of a whole disk would have the same.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", boot_id().unwrap_or_default(), self.id)
    }

    /// Returns the identity of the node, the same at every start.
    pub(crate) fn identity(&self) -> Result<String, OpenError> {
        let file = self.dir.join(NODE_FILE);
        let kept = match fs::read_to_string(&file) {
            Ok(name) => name.trim().to_owned(),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => String::new(),
            Err(fault) => return Err(unusable(&self.dir)(fault)),
        };
        if !kept.is_empty() {
            return Ok(kept);
        }
        let name = Uuid::new_v4().to_string();
        write_aside(&self.dir, &file, &name).map_err(unusable(&self.dir))?;
        Ok(name)
    }
}

fn restore_access(path: &Path) -> io::Result<()> {
    if restore_owner_access(path)? {
        warn!(path = %path.display(), "access to a file of the service was taken away; restored");
    }
    Ok(())
}

/// Takes a lock, waiting a while if it is held.
fn lock_within(file: &File, at_most: Duration) -> Result<(), TryLockError> {
    let deadline = Instant::now() + at_most;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOCK_PAUSE),
            answer => return answer,
        }
    }
}

/// Returns an error with the directory that the system refused.
fn unusable(dir: &Path) -> impl FnOnce(io::Error) -> OpenError {
    |source| OpenError::DataDir {
        dir: dir.to_owned(),
        source,
    }
}

fn write_aside(dir: &Path, file: &Path, text: &str) -> io::Result<()> {
    let aside = file.with_extension("new");
    let mut written = File::create(&aside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&aside, file)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_at_a_time_and_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = DataDir::claim(dir.path()).unwrap();
        let node = data_dir.identity().unwrap();
        assert_eq!(data_dir.identity().unwrap(), node);
        let second = DataDir::claim(dir.path());
        assert!(matches!(second, Err(OpenError::InUse { .. })));
        fs::remove_file(dir.path().join(LOCK_FILE)).unwrap();
        let second = DataDir::claim(dir.path());
        assert!(matches!(second, Err(OpenError::InUse { .. })));
        data_dir.keep_accessible().unwrap();
        // The owner goes away a moment later.
        let later = std::thread::spawn(move || {
            sleep(2 * LOCK_PAUSE);
            drop(data_dir);
        });
        let data_dir = DataDir::claim(dir.path()).unwrap();
        later.join().unwrap();
        assert_eq!(data_dir.identity().unwrap(), node);
        let other = tempfile::tempdir().unwrap();
        let other = DataDir::claim(other.path()).unwrap();
        assert_ne!(other.identity().unwrap(), node);
    }

    #[test]
    fn access_of_others_is_taken_away_unless_they_had_it_at_first() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        chmod(dir.path(), 0o750);
        for (name, mode) in [("key", 0o600), ("database", 0o640)] {
            fs::write(at(name), "").unwrap();
            chmod(&at(name), mode);
        }
        let data_dir = DataDir::claim(dir.path()).unwrap();
        data_dir.keep_accessible().unwrap();
        chmod(dir.path(), 0o777);
        chmod(&at("key"), 0o4066);
        chmod(&at("database"), 0o600);
        data_dir.keep_accessible().unwrap();
        assert_eq!(mode(dir.path()), 0o750);
        assert_eq!(mode(&at("key")), 0o600);
        assert_eq!(mode(&at("database")), 0o600);
    }

    #[test]
    fn a_directory_whose_only_lock_is_gone_is_not_usable() {
        let dir = tempfile::tempdir().unwrap();
        let mut data_dir = DataDir::claim(dir.path()).unwrap();
        // As on a file system without locks of directories.
        data_dir.locked_dir = None;
        data_dir.keep_accessible().unwrap();
        fs::remove_file(dir.path().join(LOCK_FILE)).unwrap();
        let fault = data_dir.keep_accessible().unwrap_err().to_string();
        assert!(fault.contains(LOCK_FILE), "{fault}");
    }

    #[test]
    fn a_directory_that_was_replaced_is_not_usable_and_has_another_place() {
        let root = tempfile::tempdir().unwrap();
        let (dir, aside) = (root.path().join("data"), root.path().join("aside"));
        let data_dir = DataDir::claim(&dir).unwrap();
        fs::rename(&dir, &aside).unwrap();
        let other = DataDir::claim(&dir).unwrap();
        data_dir.keep_accessible().unwrap_err();
        assert_ne!(data_dir.place(), other.place());
        drop(other);
        fs::remove_dir_all(&dir).unwrap();
        fs::rename(&aside, &dir).unwrap();
        data_dir.keep_accessible().unwrap();
    }
}
