//! Identity of a file: tells it from another file that has taken its path.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Device and inode of a file or directory. No other file has the same while this one exists or is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Returns the identity of the file with this metadata.
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Returns the identity of what a path leads to.
    ///
    /// # Errors
    /// Nothing exists there, or it cannot be examined.
    pub fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&std::fs::metadata(path)?))
    }

    /// Returns whether the path leads to another file now, or to none. A path that cannot be examined for another
    /// reason, such as a missing permission, counts as unchanged.
    ///
    /// Does not open the file: closing it would release the locks that SQLite holds on it.
    pub fn has_left(self, path: &Path) -> bool {
        match Self::at(path) {
            Ok(found) => found != self,
            Err(fault) => fault.kind() == io::ErrorKind::NotFound,
        }
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_leaves_its_path_when_it_is_removed_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("file"), folder.path().join("aside"));
        fs::write(&path, "").unwrap();
        let id = FileId::at(&path).unwrap();
        fs::write(&path, "changed").unwrap();
        assert!(!id.has_left(&path));
        fs::rename(&path, &aside).unwrap();
        assert!(id.has_left(&path));
        fs::write(&path, "another").unwrap();
        assert!(id.has_left(&path));
        fs::rename(&aside, &path).unwrap();
        assert!(!id.has_left(&path));
    }
}
