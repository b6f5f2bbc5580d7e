//! Resets what this process inherited from its parent by accident.

use std::io;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::unistd::getuid;

/// Makes this process, and so the tool, independent of its parent's state.
///
/// - Descriptors: the supervisor may outlive the front by hours. While it held one of the backend's pipes open,
///   the backend's reader would never see the end of that pipe.
/// - Blocked signals: a parent that forks from a thread with blocked signals passes them on. Then no stop would
///   reach this process, and the one SIGINT would not reach the tool.
/// - File size: output goes to files without a name, whose size grows with all printed output. The limit is raised
///   as far as this process may; beyond it, a write fails instead of ending the process.
///
/// Returns the remaining limit in bytes, if there is one. Must be called first in a process.
pub fn stand_alone() -> Option<u64> {
    close_inherited_descriptors();
    // Neither call can fail with these arguments.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    // SAFETY: ignoring a signal installs no code, and nothing in this process relies on SIGXFSZ.
    let _ = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).ok()?;
    let _ = setrlimit(
        Resource::RLIMIT_FSIZE,
        libc::RLIM_INFINITY,
        libc::RLIM_INFINITY,
    )
    .or_else(|_| setrlimit(Resource::RLIMIT_FSIZE, hard, hard));
    let (soft, _) = getrlimit(Resource::RLIMIT_FSIZE).ok()?;
    (soft != libc::RLIM_INFINITY).then_some(soft)
}

/// Resource limits of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceLimits {
    /// Files open at once.
    pub open_files: u64,
    /// Bytes of address space.
    pub address_space: u64,
    /// Bytes of heap and other private memory.
    pub data: u64,
}

/// Returns the limits of this process.
pub fn limits() -> ResourceLimits {
    // The call cannot fail with these arguments.
    let soft = |of| getrlimit(of).map_or(u64::MAX, |(soft, _)| soft);
    ResourceLimits {
        open_files: soft(Resource::RLIMIT_NOFILE),
        address_space: soft(Resource::RLIMIT_AS),
        data: soft(Resource::RLIMIT_DATA),
    }
}

/// Limits the private memory of this process and of all that it starts; a lower limit stays.
///
/// Makes only system calls, so it may be called between fork and exec.
///
/// # Errors
/// The kernel refuses.
pub(super) fn limit_memory(bytes: u64) -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_DATA)?;
    let limit = bytes.min(hard);
    Ok(setrlimit(Resource::RLIMIT_DATA, limit, limit)?)
}

/// Returns the most processes and threads that this process's user may have, as far as this process can tell.
pub fn process_limit() -> u64 {
    // The call cannot fail with these arguments.
    getrlimit(Resource::RLIMIT_NPROC).map_or(u64::MAX, |(soft, _)| soft)
}

/// Returns the user whose processes are counted.
pub fn user_id() -> u32 {
    getuid().as_raw()
}

/// Closes every descriptor above stderr.
fn close_inherited_descriptors() {
    // SAFETY: `close_range` accesses no memory. The caller has opened nothing yet, so no object of this process
    // owns a descriptor that is closed here. A kernel without the call (before 5.9) answers ENOSYS, and the
    // descriptors stay open.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32);
    }
}
