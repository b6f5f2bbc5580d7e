//! Files without a directory entry.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// Opens an anonymous file that is stored in memory, and removed with its last descriptor.
///
/// If the kernel or a sandbox refuses that, opens an unlinked file in the temporary directory.
///
/// # Errors
/// The error of the second attempt.
pub fn memory_file(name: &str) -> io::Result<File> {
    match memfd_create(name, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING) {
        Ok(descriptor) => Ok(File::from(descriptor)),
        Err(_) => File::options()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_TMPFILE.bits())
            .mode(0o600)
            .open(std::env::temp_dir()),
    }
}

/// Prevents every process from truncating a file from [`memory_file`], as `> /dev/stderr` in a script would, or
/// from sealing it against writes.
///
/// An unlinked file cannot be protected: then a script may still truncate what it has printed.
pub fn forbid_cutting(file: &File) {
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
    let _ = fcntl(file, FcntlArg::F_ADD_SEALS(seals));
}

/// Opens a file again, so that every write appends.
///
/// Needed for a file that another process writes and this one watches: the new descriptor has its own offset and
/// flags, and the kernel reports its writes.
///
/// # Errors
/// `/proc` is not available, and neither is the fallback, an appending duplicate of the descriptor.
pub fn reopen_for_append(file: &File) -> io::Result<File> {
    File::options()
        .append(true)
        .open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .or_else(|_| {
            let duplicate = file.try_clone()?;
            fcntl(&duplicate, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
            Ok(duplicate)
        })
}
