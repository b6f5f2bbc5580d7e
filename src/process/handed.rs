//! Bytes that one child may read, and that are on no disk.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::{Mode, fchmod};

/// Keeps the number clear of stdin, stdout and stderr, and of what a shell uses in redirections.
const LOWEST_DESCRIPTOR: RawFd = 10;

/// A file in memory that is handed to a child and to nobody else.
///
/// The descriptor is closed on exec; only the child that [`super::KeptGroup`] starts with it keeps it, and
/// whatever that child starts in turn. It is meant to be opened again through [`Handed::path`], so that
/// any number of reads find it whole.
#[derive(Debug)]
pub struct Handed(File);

impl Handed {
    /// Puts bytes into memory, readable for this user alone.
    ///
    /// OpenSSH refuses a key that others may read, so the mode counts though nobody finds the file by name.
    /// Nothing else than memory is tried: what is handed over may be a secret.
    ///
    /// # Errors
    /// When the system has no memfd, or no descriptor left.
    pub fn new(name: &str, bytes: &[u8]) -> io::Result<Self> {
        let low = memfd_create(name, MFdFlags::MFD_CLOEXEC)?;
        let number = fcntl(&low, FcntlArg::F_DUPFD_CLOEXEC(LOWEST_DESCRIPTOR))?;
        let mut file = adopt(number);
        fchmod(&file, Mode::S_IRUSR)?;
        file.write_all(bytes)?;
        Ok(Self(file))
    }

    /// Number of the descriptor, here and in the child.
    pub fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Where whoever holds the descriptor opens the bytes, each time from their beginning.
    pub fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.number())
    }
}

fn adopt(number: RawFd) -> File {
    // SAFETY: the number comes from `F_DUPFD_CLOEXEC` just now, and nobody else has it.
    unsafe { File::from_raw_fd(number) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn it_is_read_whole_as_often_as_wanted_and_its_mode_is_that_of_a_key() {
        let handed = Handed::new("test", b"bytes").unwrap();
        assert!(handed.number() >= LOWEST_DESCRIPTOR);
        for _ in 0..3 {
            assert_eq!(std::fs::read(handed.path()).unwrap(), b"bytes");
        }
        let mode = handed.0.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
    }

    #[test]
    fn another_child_does_not_get_it() {
        let handed = Handed::new("test", b"bytes").unwrap();
        let read = std::process::Command::new("cat")
            .arg(handed.path())
            .output()
            .unwrap();
        assert!(!read.status.success());
        assert!(read.stdout.is_empty());
    }
}
