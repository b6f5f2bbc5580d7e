//! Handles to processes, which stay valid when a process id is reused.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Pause between two checks on kernels without pidfd (before 5.3).
const PAUSE: Duration = Duration::from_millis(1);

/// Opens a handle to a process.
pub(crate) fn open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two numbers and accesses no memory of this process.
    let answer = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = i32::try_from(Errno::result(answer)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just created this descriptor for this process, and no other object owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sends a signal to the process of a handle.
pub(crate) fn send_signal(handle: &OwnedFd, signal: Signal) -> io::Result<()> {
    // SAFETY: without a `siginfo_t` (the null pointer) the kernel fills in that of kill(2).
    let answer = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            handle.as_raw_fd(),
            signal as i32,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    Ok(Errno::result(answer).map(drop)?)
}

/// Waits until a child has ended and reaps it; returns `None` if it does not end in time.
///
/// A process cannot end while one of its threads hangs in the kernel.
pub fn wait_for_child(child: Pid, at_most: Duration) -> Option<WaitStatus> {
    let deadline = Instant::now() + at_most;
    let handle = open(child.as_raw()).ok();
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
            Ok(ended) => return Some(ended),
            Err(_) => return None,
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        match &handle {
            Some(handle) => {
                let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
                // The child is checked again after any answer.
                let _ = poll(
                    &mut [PollFd::new(handle.as_fd(), PollFlags::POLLIN)],
                    timeout,
                );
            }
            None => std::thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_is_waited_for_and_not_for_ever() {
        let mut quick = Command::new("true").spawn().unwrap();
        let pid = Pid::from_raw(quick.id().cast_signed());
        let ended = wait_for_child(pid, Duration::from_secs(60));
        assert_eq!(ended, Some(WaitStatus::Exited(pid, 0)));
        assert!(quick.try_wait().is_err(), "it is reaped");

        let mut slow = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = Pid::from_raw(slow.id().cast_signed());
        assert_eq!(wait_for_child(pid, Duration::from_millis(20)), None);
        slow.kill().unwrap();
        slow.wait().unwrap();
    }
}
