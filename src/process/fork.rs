//! Splits one binary into two processes: the front, which the backend knows, and the supervisor, which owns the
//! tool and outlives the front.

use std::ffi::CString;
use std::fs::File;
use std::io;

use nix::sys::prctl;
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

/// Name of the supervisor in `ps -o comm`.
///
/// It differs from the front's name, so that `killall iac-runner` reaches only the front.
pub const SUPERVISOR_NAME: &str = "iac-supervisor";

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Side {
    /// The original process.
    Front {
        /// Process id of the supervisor.
        supervisor: Pid,
    },
    /// The new process; with an error if its setup failed and it is not a supervisor yet.
    Supervisor(io::Result<()>),
}

/// Forks this process.
///
/// The supervisor leaves the front's session, so that neither a hang-up of the terminal nor a signal to the front's
/// group reaches it. It closes stdin, stdout and stderr, so that their readers see the end when the front exits. It
/// becomes the reaper of all processes that the tool leaves behind.
///
/// # Errors
/// In the front only, if the system can't create a process.
pub fn fork_supervisor() -> io::Result<Side> {
    // SAFETY: called from `main` before any thread is started, so that the child has no lock or buffer in an
    // inconsistent state and may continue like any process.
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
