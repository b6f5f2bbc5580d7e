//! Checks whether a descriptor is ready now.

use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Polls without waiting; errors and hang-ups count as events.
pub(crate) fn polled(of: BorrowedFd<'_>, what: PollFlags) -> io::Result<PollFlags> {
    let mut entries = [PollFd::new(of, what)];
    match poll(&mut entries, PollTimeout::ZERO) {
        Ok(_) | Err(Errno::EINTR) => Ok(entries[0].revents().unwrap_or(PollFlags::empty())),
        Err(fault) => Err(fault.into()),
    }
}
