//! Stdout for commands that only print: they wait until it accepts everything.

use std::io::{self, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Writes to stdout without a buffer, even if the parent has set `O_NONBLOCK`.
///
/// Waits as long as the reader does: SIGINT, SIGTERM and SIGHUP must be able to end the process meanwhile.
#[derive(Debug)]
pub struct Printer;

impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stdout = io::stdout();
        loop {
            match nix::unistd::write(&stdout, bytes) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    let mut entries = [PollFd::new(stdout.as_fd(), PollFlags::POLLOUT)];
                    // The next write reports the cause of a failure.
                    let _ = poll(&mut entries, PollTimeout::NONE);
                }
                answer => return Ok(answer?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints all bytes to stdout.
///
/// # Errors
/// The error of the write: EPIPE without a reader, ENOSPC on a full disk.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    Printer.write_all(bytes)
}
