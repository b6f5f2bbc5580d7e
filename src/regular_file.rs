//! Opens files that other programs may have replaced, and refuses all but regular ones.
//!
//! A FIFO makes an open wait for a writer, a device may do anything, and a symbolic link leads elsewhere.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};

/// Kind of the error for anything but a regular file.
pub(crate) const NOT_REGULAR: io::ErrorKind = io::ErrorKind::InvalidInput;

/// Opens a regular file to be read, by path.
///
/// # Errors
/// When it is not there, cannot be read, or is not a regular file ([`NOT_REGULAR`]); never waits for a FIFO.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_at(AT_FDCWD, path)
}

/// Opens a regular file to be read, by its name in an open directory.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_at(directory: impl AsFd, name: impl AsRef<Path>) -> io::Result<File> {
    let name = name.as_ref();
    // Before the open, because opening a device may set something off.
    check_kind(&fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?)?;
    let flags = OFlag::O_RDONLY
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_NOCTTY
        | OFlag::O_CLOEXEC;
    let file = match openat(&directory, name, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::ELOOP) => return Err(not_regular("symbolic link")),
        Err(fault) => return Err(fault.into()),
    };
    check_kind(&fstat(&file)?)?;
    Ok(file)
}

/// Opens a regular file to be read, or the one that symbolic links lead to.
///
/// # Errors
/// When it is not there, cannot be read, or is not a regular file; never waits for a FIFO.
pub(crate) fn open_target(path: &Path) -> io::Result<File> {
    check_kind(&fstatat(AT_FDCWD, path, AtFlags::empty())?)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = File::from(openat(AT_FDCWD, path, flags, Mode::empty())?);
    check_kind(&fstat(&file)?)?;
    Ok(file)
}

/// Reads a regular file that is at most `limit` bytes long.
///
/// # Errors
/// As [`open`], and when it is longer.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, limit)
}

/// Reads a regular file that is at most `limit` bytes long; returns `None` if it does not exist.
///
/// # Errors
/// As [`read`], except that the file may be missing.
pub(crate) fn read_if_there(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match read(path, limit) {
        Ok(content) => Ok(Some(content)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Reads an open file that is at most `limit` bytes long.
///
/// # Errors
/// When it is longer or cannot be read.
pub(crate) fn read_all(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    if content.len() as u64 > limit {
        return Err(io::Error::other(format!("is longer than {limit} bytes")));
    }
    Ok(content)
}

fn check_kind(found: &FileStat) -> io::Result<()> {
    match kind(found) {
        None => Ok(()),
        Some(kind) => Err(not_regular(kind)),
    }
}

/// What a file is, unless it is a regular one.
fn kind(found: &FileStat) -> Option<&'static str> {
    let bits = SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits());
    match bits {
        SFlag::S_IFREG => None,
        SFlag::S_IFDIR => Some("directory"),
        SFlag::S_IFLNK => Some("symbolic link"),
        SFlag::S_IFIFO => Some("FIFO"),
        SFlag::S_IFSOCK => Some("socket"),
        SFlag::S_IFCHR | SFlag::S_IFBLK => Some("device"),
        _ => Some("file of an unknown kind"),
    }
}

fn not_regular(kind: &str) -> io::Error {
    io::Error::new(NOT_REGULAR, format!("is a {kind}, not a regular file"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink(at("file"), at("link")).unwrap();
        mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        let _listener = UnixListener::bind(at("socket")).unwrap();
        assert_eq!(read(&at("file"), 4).unwrap(), b"text");
        assert!(read(&at("file"), 3).is_err());
        assert_eq!(read_if_there(&at("file"), 4).unwrap().unwrap(), b"text");
        assert_eq!(read_if_there(&at("nothing"), 4).unwrap(), None);
        let target = open_target(&at("link")).unwrap();
        assert_eq!(read_all(target, 4).unwrap(), b"text");
        assert_eq!(
            open(&at("nothing")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        for (path, word) in [
            (at("folder"), "directory"),
            (at("link"), "symbolic link"),
            (at("fifo"), "FIFO"),
            (at("socket"), "socket"),
            ("/dev/null".into(), "device"),
        ] {
            let fault = open(&path).unwrap_err().to_string();
            assert!(fault.contains(word), "{}: {fault}", path.display());
            if word != "symbolic link" {
                let link = at(&format!("link to {word}"));
                symlink(&path, &link).unwrap();
                let fault = open_target(&link).unwrap_err().to_string();
                assert!(fault.contains(word), "{}: {fault}", link.display());
            }
        }
    }
}
