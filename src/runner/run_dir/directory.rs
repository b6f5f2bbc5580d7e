//! A directory that is accessed through its descriptor, so that a replacement at its path is not touched.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::socket;
use crate::regular_file;

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: File,
    /// Its path when it was opened, absolute and without links.
    path: PathBuf,
}

impl Directory {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let descriptor = openat(AT_FDCWD, &path, flags, Mode::empty())?;
        Ok(Self {
            descriptor: File::from(descriptor),
            path,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in it, for sentences and results.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns whether its path still refers to it.
    pub(super) fn is_at_its_path(&self) -> io::Result<bool> {
        let own = fstat(&self.descriptor)?;
        match fstatat(AT_FDCWD, &self.path, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Returns whether a name refers to this file.
    pub(super) fn is_under(&self, name: &str, file: &File) -> io::Result<bool> {
        let own = fstat(file)?;
        match fstatat(&self.descriptor, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)),
            Err(Errno::ENOENT) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Returns whether a file of any kind has this name.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        match fstatat(&self.descriptor, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Opens a regular file for reading.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        regular_file::open_at(&self.descriptor, name)
    }

    /// Creates a file for writing.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&self.descriptor, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(File::from(file))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.descriptor, from, &self.descriptor, to)?)
    }

    /// Gives a file a second name; fails if that name exists.
    pub(super) fn link(&self, from: &str, to: &str) -> nix::Result<()> {
        let directory = self.descriptor.as_fd();
        linkat(directory, from, directory, to, AtFlags::empty())
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(
            &self.descriptor,
            name,
            UnlinkatFlags::NoRemoveDir,
        )?)
    }

    /// Listens on a socket in the directory.
    pub(super) fn listen(&self, name: &str) -> io::Result<UnixListener> {
        socket::listen(&self.descriptor, name)
    }

    /// Connects to a socket in the directory.
    pub(super) fn connect(&self, name: &str) -> io::Result<std::os::unix::net::UnixStream> {
        socket::connect(&self.descriptor, name)
    }

    /// Makes its entries durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.descriptor.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_directory_in_its_place_is_noticed() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run");
        fs::create_dir(&path).unwrap();
        let directory = Directory::open(&path).unwrap();
        directory.create("file").unwrap();
        assert!(directory.is_at_its_path().unwrap());

        fs::rename(&path, root.path().join("moved")).unwrap();
        assert!(!directory.is_at_its_path().unwrap());
        fs::create_dir(&path).unwrap();
        assert!(!directory.is_at_its_path().unwrap());
        assert!(directory.has("file").unwrap());
        assert!(!path.join("file").exists());

        fs::remove_dir_all(root.path().join("moved")).unwrap();
        assert!(directory.create("other").is_err());
    }
}
