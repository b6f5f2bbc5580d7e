//! Waits for a child, for so long and no longer.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// How a child ended; `None` if it has not by then.
///
/// A process that is ending can hang in the kernel for as long as a disk does.
pub fn wait_at_most(child: Pid, limit: Duration) -> Option<WaitStatus> {
    let Some(ending) = open_pid(child) else {
        // A kernel before 5.3.
        return waitpid(child, None).ok();
    };
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut entries = [PollFd::new(ending.as_fd(), PollFlags::POLLIN)];
        if poll(&mut entries, timeout) != Err(Errno::EINTR) {
            break;
        }
    }
    match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) | Err(_) => None,
        Ok(ended) => Some(ended),
    }
}

/// A descriptor that polls as readable when the process has ended.
fn open_pid(process: Pid) -> Option<OwnedFd> {
    // SAFETY: the call touches no memory.
    let number = unsafe { libc::syscall(libc::SYS_pidfd_open, process.as_raw(), 0) };
    let number = i32::try_from(number).ok().filter(|&number| number >= 0)?;
    // SAFETY: the kernel has opened this descriptor just now, and nobody else has it.
    Some(unsafe { OwnedFd::from_raw_fd(number) })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn child(program: &str, stdin: Stdio) -> std::process::Child {
        Command::new(program).stdin(stdin).spawn().unwrap()
    }

    #[test]
    fn a_child_that_has_ended_is_told_and_one_that_has_not_is_not() {
        let mut ended = child("true", Stdio::null());
        let pid = Pid::from_raw(ended.id().cast_signed());
        let status = wait_at_most(pid, Duration::from_secs(10));
        assert_eq!(status, Some(WaitStatus::Exited(pid, 0)));
        assert!(ended.wait().is_err(), "it was reaped");

        let mut waits = child("cat", Stdio::piped());
        let pid = Pid::from_raw(waits.id().cast_signed());
        assert_eq!(wait_at_most(pid, Duration::from_millis(1)), None);
        drop(waits.stdin.take());
        waits.wait().unwrap();
    }
}
