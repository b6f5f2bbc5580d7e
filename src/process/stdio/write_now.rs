//! A write that never blocks, to a descriptor whose flags are not changed.

use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::PollFlags;

use super::polled::polled;

/// Bytes that a pipe accepts without blocking if it polls as writable: `PIPE_BUF`, pipe(7).
const PIPE_BUF: usize = 4096;
/// "At the file's own position", for pwritev2(2).
const OWN_POSITION: libc::c_long = -1;

/// Writes the bytes that the descriptor accepts now, at most 4096; returns how many.
///
/// # Errors
/// `WouldBlock` if it accepts none, else the error of the write.
pub fn write_now(to: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    if polled(to, PollFlags::POLLOUT)?.is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    let piece = &bytes[..bytes.len().min(PIPE_BUF)];
    match write_without_waiting(to, piece) {
        // The call does not exist, or not for this kind of file: a write after the poll above does not block
        // either, unless another process has filled the same pipe in between.
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
            Ok(nix::unistd::write(to, piece)?)
        }
        answer => Ok(answer?),
    }
}

/// Writes as if the descriptor had `O_NONBLOCK`, a flag that it would share with other processes.
fn write_without_waiting(to: BorrowedFd<'_>, piece: &[u8]) -> Result<usize, Errno> {
    let pieces = [IoSlice::new(piece)];
    // SAFETY: an `IoSlice` is guaranteed to be ABI compatible with `iovec`, and it borrows `piece` for the whole
    // call.
    let answer = unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            to.as_raw_fd(),
            pieces.as_ptr(),
            pieces.len(),
            OWN_POSITION,
            OWN_POSITION,
            libc::RWF_NOWAIT,
        )
    };
    usize::try_from(answer).map_err(|_| Errno::last())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_pipe_takes_what_it_has_room_for_and_never_blocks() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut written = 0;
        let refused = loop {
            match write_now(writer.as_fd(), &[b'x'; 10_000]) {
                Ok(len) => written += len,
                Err(fault) => break fault,
            }
        };
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        let mut read = vec![0; written];
        reader.read_exact(&mut read).unwrap();
        assert!(read.iter().all(|&byte| byte == b'x'));
        assert!(write_now(writer.as_fd(), b"more").is_ok());
    }

    #[test]
    fn every_kind_of_file_answers() {
        let open = |path| File::options().write(true).open(path).unwrap();
        let (socket, _other) = UnixStream::pair().unwrap();
        let file = tempfile::tempfile().unwrap();
        assert_eq!(write_now(socket.as_fd(), b"bytes").unwrap(), 5);
        assert_eq!(write_now(file.as_fd(), b"bytes").unwrap(), 5);
        assert_eq!(write_now(open("/dev/null").as_fd(), b"bytes").unwrap(), 5);
        let full = write_now(open("/dev/full").as_fd(), b"bytes").unwrap_err();
        assert_eq!(full.raw_os_error(), Some(libc::ENOSPC));
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let broken = write_now(writer.as_fd(), b"bytes").unwrap_err();
        assert_eq!(broken.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_file_is_written_at_its_own_position() {
        let mut file = tempfile::tempfile().unwrap();
        for piece in ["one ", "two"] {
            write_now(file.as_fd(), piece.as_bytes()).unwrap();
        }
        let mut text = String::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }
}
