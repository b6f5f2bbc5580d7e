//! The record of a run that another process supervises or supervised.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

use super::claim::Supervisor;
use super::directory::Directory;
use super::{CONTROL, PID, SUPERVISOR};
use crate::process::ProcessIdentity;
use crate::runner::messages::wording::of_system;

/// Most bytes that are read of a small file.
const MAX_SMALL_FILE_BYTES: u64 = 4096;

/// The state of a run's record, as seen from another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordState {
    /// Its supervisor is alive.
    Running,
    /// Its supervisor is gone.
    Over,
}

/// Who can be asked to stop the run, according to the record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Introduction {
    /// No entry yet, or no entry any more.
    Missing,
    /// The supervisor, and whether it listens on the socket.
    Of(ProcessIdentity, bool),
}

/// An open record of a run.
#[derive(Debug)]
pub(crate) struct Record {
    directory: Directory,
    /// `supervisor.pid`
    pid: File,
}

/// Why a directory is not the record of a run.
#[derive(Debug, Error)]
pub(crate) enum NoRecord {
    #[error("`{path}` holds no run: {}", of_system(source))]
    Directory { path: PathBuf, source: io::Error },
    #[error("`{path}` holds no run: `{PID}`: {}", of_system(source))]
    File { path: PathBuf, source: io::Error },
    #[error(
        "`{path}` can't be read, so it is not known whether it holds a run: {}; try again as the user of the run or as root",
        of_system(source)
    )]
    Denied { path: PathBuf, source: io::Error },
}

impl NoRecord {
    /// Returns whether a supervisor may still create what is missing.
    pub(crate) fn may_come(&self) -> bool {
        match self {
            Self::Directory { source, .. } | Self::File { source, .. } => {
                source.kind() == io::ErrorKind::NotFound
            }
            Self::Denied { .. } => false,
        }
    }

    /// Returns whether there may be a run that this process cannot access.
    pub(crate) const fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }

    /// Converts the error to [`NoRecord::Denied`] if that is the reason.
    fn or_denied(self) -> Self {
        match self {
            Self::Directory { path, source } | Self::File { path, source }
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Self::Denied { path, source }
            }
            other => other,
        }
    }
}

impl Record {
    /// Opens a record.
    pub(crate) fn open(path: &Path) -> Result<Self, NoRecord> {
        Self::open_files(path).map_err(NoRecord::or_denied)
    }

    fn open_files(path: &Path) -> Result<Self, NoRecord> {
        let directory = Directory::open(path).map_err(|source| NoRecord::Directory {
            path: path.to_owned(),
            source,
        })?;
        let pid = directory.read(PID).map_err(|source| NoRecord::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { directory, pid })
    }

    /// Returns the directory, as an absolute path.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the path of one of its files, for sentences and results.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.directory.path_of(name)
    }

    /// Opens one of its files; returns `None` if it does not exist.
    ///
    /// # Errors
    /// Also if the name does not refer to a regular file.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<File>> {
        match self.directory.read(name) {
            Ok(file) => Ok(Some(file)),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(fault) => Err(io::Error::other(format!(
                "`{}` {}",
                self.path_of(name).display(),
                of_system(&fault)
            ))),
        }
    }

    /// Returns whether its supervisor is alive.
    pub(crate) fn state(&self) -> io::Result<RecordState> {
        // Through the open file, so that it is this run's lock even if another run has taken the name.
        match Flock::lock(self.pid.try_clone()?, FlockArg::LockSharedNonblock) {
            Ok(_) => Ok(RecordState::Over),
            Err((_, Errno::EWOULDBLOCK)) => Ok(RecordState::Running),
            Err((_, fault)) => Err(fault.into()),
        }
    }

    /// Returns the file that its supervisor holds locked.
    pub(crate) const fn lock_file(&self) -> &File {
        &self.pid
    }

    /// Returns the process id of its supervisor, in its own PID namespace; `None` if it could not be written.
    pub(crate) fn supervisor_pid(&self) -> io::Result<Option<i32>> {
        let text = self.small_file(PID)?;
        Ok(text.and_then(|text| text.trim().parse().ok()))
    }

    /// Returns the identity of its supervisor.
    pub(crate) fn introduction(&self) -> io::Result<Introduction> {
        let supervisor = self
            .small_file(SUPERVISOR)?
            .and_then(|text| serde_json::from_str::<Supervisor>(&text).ok());
        Ok(match supervisor {
            None => Introduction::Missing,
            Some(supervisor) => Introduction::Of(supervisor.process, supervisor.listens),
        })
    }

    /// Connects to the supervisor.
    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        self.directory.connect(CONTROL)
    }

    /// Returns whether the socket of the supervisor is in the directory.
    pub(crate) fn has_socket(&self) -> bool {
        fs::symlink_metadata(self.path_of(CONTROL)).is_ok()
    }

    fn small_file(&self, name: &str) -> io::Result<Option<String>> {
        let Some(file) = self.read(name)? else {
            return Ok(None);
        };
        let mut text = Vec::new();
        file.take(MAX_SMALL_FILE_BYTES).read_to_end(&mut text)?;
        Ok(Some(String::from_utf8_lossy(&text).into_owned()))
    }
}
