//! Bytes that one child may read, and that are on no disk.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fchmod};

/// Keeps the number above stdin, stdout and stderr, and above the numbers that shells use in redirections.
const LOWEST_DESCRIPTOR: RawFd = 10;

/// A file in memory that is passed to a child and to no other process.
///
/// The descriptor is closed on exec; only the child that [`crate::process::OwnedProcessGroup`] starts with it keeps it, and the
/// processes that this child starts. It is meant to be reopened through [`InheritedMemfd::path`], so that every reader
/// reads it from the beginning.
#[derive(Debug)]
pub struct InheritedMemfd(File);

impl InheritedMemfd {
    /// Stores bytes in memory, readable only by this user.
    ///
    /// OpenSSH refuses a key that others may read, so the mode matters although the file has no name. Only memory
    /// is used, never a disk: the bytes may be a secret.
    ///
    /// # Errors
    /// The system has no memfd, or no descriptor left.
    pub fn new(name: &str, bytes: &[u8]) -> io::Result<Self> {
        let low = memfd_create(name, MFdFlags::MFD_CLOEXEC)?;
        let number = fcntl(&low, FcntlArg::F_DUPFD_CLOEXEC(LOWEST_DESCRIPTOR))?;
        let mut file = adopt(number);
        fchmod(&file, Mode::S_IRUSR)?;
        file.write_all(bytes)?;
        Ok(Self(file))
    }

    /// Returns the number of the descriptor, here and in the child.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Returns the path at which a holder of the descriptor opens the bytes, each time from their beginning.
    pub fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.number())
    }
}

fn adopt(number: RawFd) -> File {
    // SAFETY: the number was just returned by `F_DUPFD_CLOEXEC`, and nothing else owns it.
    unsafe { File::from_raw_fd(number) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_read_whole_as_often_as_wanted_and_its_mode_is_that_of_a_key() {
        let handed = InheritedMemfd::new("test", b"bytes").unwrap();
        assert!(handed.number() >= LOWEST_DESCRIPTOR);
        for _ in 0..3 {
            assert_eq!(std::fs::read(handed.path()).unwrap(), b"bytes");
        }
        let mode = handed.0.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
    }

    #[test]
    fn another_child_does_not_get_it() {
        let handed = InheritedMemfd::new("test", b"bytes").unwrap();
        let read = std::process::Command::new("cat")
            .arg(handed.path())
            .output()
            .unwrap();
        assert!(!read.status.success());
        assert!(read.stdout.is_empty());
    }
}
