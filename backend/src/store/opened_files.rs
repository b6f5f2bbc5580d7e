//! Notices that the files of a database are no longer those that were opened.
//!
//! SQLite continues with files that were removed or replaced while they are open. All that it writes then is lost with
//! the process.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iac_runner::process::FileId;

use super::StoreError;

/// What SQLite appends to the name of a database for its write-ahead log and the index of that log. They exist as long
/// as a connection is open.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// The files of an open database; clones share them.
#[derive(Clone, Debug)]
pub(super) struct OpenedFiles {
    files: Arc<[(PathBuf, FileId)]>,
}

impl OpenedFiles {
    /// Returns the files of a database that was just opened and read.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        let mut files = vec![(database.to_owned(), FileId::at(database)?)];
        for suffix in COMPANIONS {
            let mut path = database.to_owned().into_os_string();
            path.push(suffix);
            let path = PathBuf::from(path);
            match FileId::at(&path) {
                Ok(id) => files.push((path, id)),
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(Self {
            files: files.into(),
        })
    }

    /// Checks that all files are still there.
    ///
    /// # Errors
    /// [`StoreError::Replaced`] with the first one that is not.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.files.iter().find(|(path, id)| id.has_left(path)) {
            Some((path, _)) => Err(StoreError::Replaced { path: path.clone() }),
            None => Ok(()),
        }
    }
}
