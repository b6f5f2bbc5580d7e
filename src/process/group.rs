//! A tool in a process group of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

use super::descendants::{self, BootTicks};
use super::orphans::{self, Survivors};
use super::sandbox::Sandbox;

/// What to start, and with what.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Absolute path of the program.
    pub program: &'a Path,
    /// Its arguments, without its own name.
    pub args: &'a [String],
    /// Its whole environment.
    pub environment: &'a BTreeMap<OsString, OsString>,
    /// Its working directory.
    pub work_dir: &'a Path,
    /// Where its stdout and stderr go; opened for appending.
    pub output: File,
    /// What it and everything that it starts is confined by.
    pub sandbox: Option<&'a Sandbox>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// The signal of this number ended it.
    Signalled(i32),
}

impl Ended {
    /// The exit code as a shell would give it: 128 + signal for a process that a signal ended.
    pub const fn code(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(number) => 128 + number,
        }
    }

    /// Name of the signal that ended the process, such as `SIGKILL`.
    pub fn signal_name(self) -> Option<String> {
        match self {
            Self::Exited(_) => None,
            Self::Signalled(number) => Some(match Signal::try_from(number) {
                Ok(signal) => signal.as_str().to_owned(),
                // A real-time signal has a number and no name.
                Err(_) => format!("signal {number}"),
            }),
        }
    }
}

/// A started tool, its process group, and whatever they start.
///
/// The leader is not reaped before [`ToolGroup::sweep`]: as long as it is a zombie, its process id,
/// which is the group's id too, cannot go to anybody else, and a signal to the group can only reach
/// the group.
#[derive(Debug)]
pub struct ToolGroup {
    leader: Pid,
    interrupted_at: Option<BootTicks>,
}

impl ToolGroup {
    /// Starts the tool with an empty stdin, in a group of its own.
    ///
    /// # Errors
    /// What the system refused it with: not found, not executable, too many arguments.
    pub fn spawn(launch: &Launch<'_>) -> io::Result<Self> {
        let mut command = Command::new(launch.program);
        command
            .args(launch.args)
            .env_clear()
            .envs(launch.environment)
            .current_dir(launch.work_dir)
            .stdin(Stdio::null())
            .stdout(launch.output.try_clone()?)
            .stderr(launch.output.try_clone()?)
            .process_group(0);
        if let Some(entry) = launch.sandbox.map(Sandbox::to_enter) {
            // SAFETY: `enter` makes system calls only, and the borrowed sandbox outlives the call of exec.
            unsafe { command.pre_exec(move || entry.enter()) };
        }
        let child = command.spawn()?;
        Ok(Self {
            leader: Pid::from_raw(child.id().cast_signed()),
            interrupted_at: None,
        })
    }

    /// Process id of the leader, which is also the id of the group.
    pub const fn pid(&self) -> i32 {
        self.leader.as_raw()
    }

    /// Asks the group to stop: one SIGINT, however often this is called.
    ///
    /// Terraform takes a second signal of either kind for an order to abandon its state, and provider
    /// plugins ignore SIGINT only. So there is no way here to send anything else short of the end; but for
    /// SIGCONT, which neither counts: a process that stands still takes no SIGINT before it goes on.
    ///
    /// # Errors
    /// When all processes of the group belong to users whom this process may not signal.
    pub fn interrupt(&mut self) -> io::Result<()> {
        if self.interrupted_at.is_some() {
            return Ok(());
        }
        self.interrupted_at = Some(BootTicks::now());
        // The group exists until its leader is reaped.
        killpg(self.leader, Signal::SIGINT)?;
        self.resume();
        Ok(())
    }

    /// Counts the group as interrupted: someone else has sent it the one SIGINT.
    pub fn count_as_interrupted(&mut self) {
        self.interrupted_at.get_or_insert_with(BootTicks::now);
    }

    /// When the group was interrupted, if it was.
    pub const fn interrupted_at(&self) -> Option<BootTicks> {
        self.interrupted_at
    }

    /// Lets what is stopped in the group go on.
    pub fn resume(&self) {
        let _ = killpg(self.leader, Signal::SIGCONT);
    }

    /// File name of the program that the leader runs at this moment; `None` once it has ended.
    pub fn leader_program(&self) -> Option<String> {
        descendants::program_of(self.leader.as_raw())
    }

    /// Opens the file of that program.
    ///
    /// # Errors
    /// When the leader has ended, or may not be looked at.
    pub fn leader_program_file(&self) -> io::Result<File> {
        descendants::program_file_of(self.leader.as_raw())
    }

    /// Whether any process of the run is alive, wherever it is below this process.
    pub fn is_any_alive(&self) -> bool {
        orphans::any_alive()
    }

    /// Ends everything in the group at once.
    pub fn kill(&self) {
        let _ = killpg(self.leader, Signal::SIGKILL);
    }

    /// How the leader ended, if it has; leaves it unreaped.
    ///
    /// # Errors
    /// When the leader is no child of this process, which cannot be before [`ToolGroup::sweep`].
    pub fn ended(&self) -> io::Result<Option<Ended>> {
        // SAFETY: `siginfo_t` is plain data for which all zeroes is a valid value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is a valid place for the answer. The call is used directly because the
        // wrapper refuses real-time signals, and a tool ended by one must not look alive for ever.
        let answer = unsafe {
            libc::waitid(
                libc::P_PID,
                self.leader.as_raw().cast_unsigned(),
                &raw mut info,
                libc::WEXITED | libc::WNOWAIT | libc::WNOHANG,
            )
        };
        if answer == -1 {
            return match Errno::last() {
                Errno::EINTR => Ok(None),
                fault => Err(fault.into()),
            };
        }
        // SAFETY: after a successful `waitid` these two members of the union are the ones set;
        // a zero pid says that nothing has ended.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        Ok(match (pid, info.si_code) {
            (0, _) => None,
            (_, libc::CLD_EXITED) => Some(Ended::Exited(status)),
            (_, _) => Some(Ended::Signalled(status)),
        })
    }

    /// Ends and reaps all that is left of the run, the leader last.
    ///
    /// Waits at most `patience`; a process that is still alive then is left, and named in the answer where
    /// it can be named.
    pub async fn sweep(self, patience: Duration) -> Survivors {
        self.kill();
        let survivors = orphans::end_all(self.leader, patience).await;
        // Never waits: the leader may be among those that are left.
        let _ = waitpid(self.leader, Some(WaitPidFlag::WNOHANG));
        survivors
    }
}
