//! A tool in its own process group.

pub(super) mod descendants;
pub(super) mod orphans;

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

use self::descendants::BootTicks;
use self::orphans::Survivors;
use super::sandbox::Sandbox;
use super::sanitize::limit_memory;

/// Parameters for starting a tool.
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
    /// The sandbox of the tool and of all processes that it starts.
    pub sandbox: Option<&'a Sandbox>,
    /// Most bytes of private memory of each of them.
    pub memory_limit: Option<u64>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Exited(i32),
    /// The signal with this number ended it.
    Signalled(i32),
}

impl Ended {
    /// Returns the exit code as a shell reports it: 128 + signal for a process that a signal ended.
    pub const fn code(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(number) => 128 + number,
        }
    }

    /// Returns the name of the signal that ended the process, such as `SIGKILL`.
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

/// A started tool, its process group, and their descendants.
///
/// The leader is not reaped before [`ToolGroup::sweep`]: while it is a zombie, its process id, which is also the
/// group's id, cannot be reused, and a signal to the group can only reach the group.
#[derive(Debug)]
pub struct ToolGroup {
    leader: Pid,
    interrupted_at: Option<BootTicks>,
}

impl ToolGroup {
    /// Starts the tool with an empty stdin, in its own group.
    ///
    /// # Errors
    /// The error of the operating system: not found, not executable, too many arguments.
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
        if let Some(limit) = launch.memory_limit {
            // SAFETY: `limit_memory` makes only system calls.
            unsafe { command.pre_exec(move || limit_memory(limit)) };
        }
        if let Some(entry) = launch.sandbox.map(Sandbox::to_enter) {
            // SAFETY: `enter` makes only system calls, and the borrowed sandbox outlives the call of exec.
            unsafe { command.pre_exec(move || entry.enter()) };
        }
        let child = command.spawn()?;
        Ok(Self {
            leader: Pid::from_raw(child.id().cast_signed()),
            interrupted_at: None,
        })
    }

    /// Returns the process id of the leader, which is also the id of the group.
    pub const fn pid(&self) -> i32 {
        self.leader.as_raw()
    }

    /// Asks the group to stop: sends one SIGINT, however often this is called.
    ///
    /// Terraform treats a second signal of either kind as an order to abandon its state, and provider plugins
    /// ignore only SIGINT. So this type can send nothing else short of SIGKILL, except SIGCONT, which neither
    /// counts: a stopped process does not receive SIGINT before it continues.
    ///
    /// # Errors
    /// All processes of the group belong to users whom this process may not signal.
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

    /// Marks the group as interrupted: another process has sent it the one SIGINT.
    pub fn count_as_interrupted(&mut self) {
        self.interrupted_at.get_or_insert_with(BootTicks::now);
    }

    /// Returns when the group was interrupted, if it was.
    pub const fn interrupted_at(&self) -> Option<BootTicks> {
        self.interrupted_at
    }

    /// Continues stopped processes of the group.
    pub fn resume(&self) {
        let _ = killpg(self.leader, Signal::SIGCONT);
    }

    /// Returns the file name of the program that the leader currently runs; `None` once it has ended.
    pub fn leader_program(&self) -> Option<String> {
        descendants::program_of(self.leader.as_raw())
    }

    /// Opens the file of that program.
    ///
    /// # Errors
    /// The leader has ended, or this process may not inspect it.
    pub fn leader_program_file(&self) -> io::Result<File> {
        descendants::program_file_of(self.leader.as_raw())
    }

    /// Returns whether any process of the run is alive, wherever it is below this process.
    pub fn is_any_alive(&self) -> bool {
        orphans::any_alive()
    }

    /// Kills everything in the group at once.
    pub fn kill(&self) {
        let _ = killpg(self.leader, Signal::SIGKILL);
    }

    /// Returns how the leader ended, if it has; leaves it unreaped.
    ///
    /// # Errors
    /// The leader is not a child of this process, which is impossible before [`ToolGroup::sweep`].
    pub fn ended(&self) -> io::Result<Option<Ended>> {
        // SAFETY: `siginfo_t` is plain data for which all zeroes is a valid value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is a valid place for the answer. The call is made directly because the wrapper rejects
        // real-time signals, and a tool ended by one must not appear alive forever.
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
        // SAFETY: after a successful `waitid` these two members of the union are set; a zero pid means that nothing
        // has ended.
        let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
        Ok(match (pid, info.si_code) {
            (0, _) => None,
            (_, libc::CLD_EXITED) => Some(Ended::Exited(status)),
            (_, _) => Some(Ended::Signalled(status)),
        })
    }

    /// Kills and reaps all that is left of the run, the leader last.
    ///
    /// Waits at most `patience`; a process that is still alive then is left, and returned if it is known.
    pub async fn sweep(self, patience: Duration) -> Survivors {
        self.kill();
        let survivors = orphans::end_all(self.leader, patience).await;
        // Never waits: the leader may be one of the survivors.
        let _ = waitpid(self.leader, Some(WaitPidFlag::WNOHANG));
        survivors
    }
}
