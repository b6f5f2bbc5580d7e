//! Stdout for calls that print and do nothing else: they wait until it takes everything.

use std::io::{self, Write};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Writes to stdout without a buffer, also where the parent has set `O_NONBLOCK`.
///
/// Waits for as long as the reader does: SIGINT, SIGTERM and SIGHUP must end the process meanwhile.
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
                    // With any answer, the next write tells what is the matter.
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

/// Prints bytes on stdout, all of them.
///
/// # Errors
/// What the write failed with: EPIPE without a reader, ENOSPC on a full disk.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    Printer.write_all(bytes)
}
