//! The program that a tool's name stands for.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

/// A program, and what shows that it is still the same.
///
/// Its bytes are not digested: a tool has a hundred megabytes. Whoever replaces a file changes its inode or
/// its times; the time of its last change of status cannot be set back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToolFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    /// Seconds and nanoseconds of the last change of its content.
    modified: (i64, i64),
    /// Seconds and nanoseconds of the last change of its content, name or permissions.
    changed: (i64, i64),
}

impl ToolFile {
    /// Looks at the program at this path.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        Ok(Self {
            path: path.to_owned(),
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }

    /// Finds the program that a name stands for, as the runner does: the first in an absolute directory of
    /// `search_path` that can be executed; none if there is none.
    pub(super) fn find(name: &str, search_path: &OsStr) -> io::Result<Option<Self>> {
        std::env::split_paths(search_path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
            .map(|path| Self::at(&path))
            .transpose()
    }

    /// All of it in one line, for a digest.
    pub(super) fn text(&self) -> String {
        format!(
            "{} {} {} {} {:?} {:?}",
            self.path.display(),
            self.device,
            self.inode,
            self.bytes,
            self.modified,
            self.changed
        )
    }
}
