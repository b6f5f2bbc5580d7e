//! The data directory of a service: its lock, and the identity of the node.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use iac_runner::process::restore_owner_access;
use nix::unistd::{AccessFlags, access};
use tracing::warn;
use uuid::Uuid;

use super::OpenError;

/// Locked by the running service; the kernel releases the lock when the process ends.
const LOCK_FILE: &str = "backend.lock";
/// How long to wait for a held lock. If a service is killed while it starts a program, the new process holds the lock
/// until it executes the program.
const LOCK_WAIT: Duration = Duration::from_secs(3);
/// Pause between two attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Identity of the node, created at the first start; also its name, unless one is configured.
const NODE_FILE: &str = "node";

/// A data directory that no other service uses.
///
/// A node is identified by its data directory, which holds the sessions that it can recover. A host name would not do:
/// a container gets a new one each time it is created.
#[derive(Debug)]
pub(super) struct DataDir {
    dir: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Claims the directory, and creates it with mode 0700 if it is missing.
    pub(super) fn claim(dir: &Path) -> Result<Self, OpenError> {
        let dir = std::path::absolute(dir).map_err(unusable(dir))?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .map_err(unusable(&dir))?;
        restore_access(&dir).map_err(unusable(&dir))?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(dir.join(LOCK_FILE))
            .map_err(unusable(&dir))?;
        match lock_within(&lock, LOCK_WAIT) {
            Ok(()) => Ok(Self { dir, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir }),
            Err(TryLockError::Error(fault)) => Err(unusable(&dir)(fault)),
        }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes sure that this service can use the directory and what is directly in it: the database and the directory of
    /// all sessions.
    ///
    /// A tool of a deployment can change their mode; Landlock does not limit that.
    pub(super) fn keep_accessible(&self) -> io::Result<()> {
        restore_access(&self.dir)?;
        for entry in std::fs::read_dir(&self.dir)? {
            restore_access(&entry?.path())?;
        }
        access(&self.dir, AccessFlags::W_OK | AccessFlags::X_OK)?;
        Ok(())
    }

    /// Returns the identity of the node, the same at every start.
    pub(super) fn identity(&self) -> Result<String, OpenError> {
        let file = self.dir.join(NODE_FILE);
        let kept = match std::fs::read_to_string(&file) {
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
    std::fs::rename(&aside, file)?;
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
}
