//! The program that a tool's name resolves to.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

/// A program, and metadata that shows whether it is unchanged.
///
/// Its bytes are not hashed: a tool has a hundred megabytes. Replacing a file changes its inode or its times; the
/// time of the last status change cannot be set back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ToolFile {
    path: PathBuf,
    device: u64,
    inode: u64,
    bytes: u64,
    /// Time of the last content change, in seconds and nanoseconds.
    modified: (i64, i64),
    /// Time of the last change of content, name or permissions, in seconds and nanoseconds.
    changed: (i64, i64),
}

impl ToolFile {
    /// Reads the metadata of the program at this path.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
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

    /// Finds a program by name, as the runner does: the first executable one in an absolute directory of
    /// `search_path`; `None` if it is not found.
    pub(crate) fn find(name: &str, search_path: &OsStr) -> io::Result<Option<Self>> {
        std::env::split_paths(search_path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(name))
            .find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
            .map(|path| Self::at(&path))
            .transpose()
    }

    /// Formats all fields as one line, for a digest.
    pub(crate) fn text(&self) -> String {
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
