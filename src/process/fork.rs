//! One binary, two processes: the front that the backend knows, and the supervisor that owns the
//! tool and outlives the front.

use std::ffi::CString;
use std::fs::File;
use std::io;

use nix::sys::prctl;
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// Name of the supervisor in `ps -o comm`.
///
/// It differs from the front's, so that `killall iac-runner` reaches the front alone.
pub const SUPERVISOR_NAME: &str = "iac-supervisor";

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The process that was there before.
    Front {
        /// Process id of the other one.
        supervisor: Pid,
    },
    /// The new process; with what it could not be set up for, when it is no supervisor yet.
    Supervisor(io::Result<()>),
}

/// Splits this process in two.
///
/// The supervisor leaves the front's session, so that neither a hang-up of the terminal nor a signal
/// to the front's group reaches it; lets go of stdin, stdout and stderr, so that whoever reads them
/// sees their end when the front is gone; and becomes the reaper of everything that the tool leaves
/// behind.
///
/// # Errors
/// In the front only, when there is no room for a process.
pub fn fork_supervisor() -> io::Result<Side> {
    // SAFETY: called from `main` before any thread is started, so that the child has no lock or
    // buffer in a half-way state and may go on like any process.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Side::Front { supervisor: child }),
        ForkResult::Child => Ok(Side::Supervisor(leave_the_front())),
    }
}

fn leave_the_front() -> io::Result<()> {
    setsid()?;
    let nothing = File::options().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    prctl::set_child_subreaper(true)?;
    if let Ok(name) = CString::new(SUPERVISOR_NAME) {
        prctl::set_name(&name)?;
    }
    Ok(())
}
