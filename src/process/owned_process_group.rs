//! A child in its own process group that never outlives its owner, and is always reaped.

use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpid, getppid};
use tokio::sync::oneshot;

use super::group::Ended;
use super::memory::inherited_memfd::InheritedMemfd;
use super::sandbox::{Sandbox, SandboxEntry};

/// How long killed processes may take to end; only a process that hangs in the kernel takes longer.
const KILLED_TO_GONE: Duration = Duration::from_secs(5);
/// Pause between two checks of killed processes.
const LOOK: Duration = Duration::from_millis(1);

/// A child and its process group, for a process that also has other children.
///
/// A thread starts the child, waits for its end, kills the rest of the group, and reaps it. It waits for this child
/// and this group by their ids, never for any child, and does not use SIGCHLD. Dropping the owner kills the group
/// at once; the thread still reaps it. When the whole process dies, the kernel kills the leader.
#[derive(Debug)]
pub struct OwnedProcessGroup {
    leader: Pid,
    gone: Arc<Mutex<bool>>,
    ended: oneshot::Receiver<Ended>,
}

/// A started child.
#[derive(Debug)]
pub struct StartedGroup {
    /// The child and its group.
    pub group: OwnedProcessGroup,
    /// Its stdout.
    pub stdout: ChildStdout,
    /// Its stderr.
    pub stderr: ChildStderr,
}

impl OwnedProcessGroup {
    /// Starts a command with an empty stdin, in its own group, with these descriptors, in a sandbox if one is
    /// given.
    ///
    /// `keep` is dropped when no process of the group is left, for any reason. It should own the directories
    /// in which the group works, so that nothing else removes or uses them in the meantime.
    ///
    /// # Errors
    /// The error of the operating system: not found, no room for a thread or process.
    pub fn start(
        command: Command,
        handed: &[InheritedMemfd],
        sandbox: Option<Sandbox>,
        keep: impl Send + 'static,
    ) -> io::Result<StartedGroup> {
        let numbers: Vec<RawFd> = handed.iter().map(InheritedMemfd::number).collect();
        let gone = Arc::new(Mutex::new(false));
        let (tell_start, started) = mpsc::sync_channel(1);
        let (tell_end, ended) = oneshot::channel();
        let gone_for_thread = Arc::clone(&gone);
        thread::Builder::new()
            .name("iac-kept-group".to_owned())
            .spawn(move || {
                let child = spawn(command, numbers, sandbox.as_ref());
                drop(sandbox);
                let leader = child.as_ref().map(leader_of).ok();
                // The owner waits for exactly this value.
                let _ = tell_start.send(child);
                if let Some(leader) = leader {
                    let how = end_of(leader, &gone_for_thread);
                    drop(keep);
                    // The receiver is gone if the owner was dropped.
                    let _ = tell_end.send(how);
                }
            })?;
        // The descriptors are borrowed until the child has its own.
        let mut child = started
            .recv()
            .map_err(|_| io::Error::other("the thread that starts it is gone"))??;
        let group = Self {
            leader: leader_of(&child),
            gone,
            ended,
        };
        match (child.stdout.take(), child.stderr.take()) {
            (Some(stdout), Some(stderr)) => Ok(StartedGroup {
                group,
                stdout,
                stderr,
            }),
            _ => Err(io::Error::other("a pipe of the child is missing")),
        }
    }

    /// Waits until the leader has ended and no process of its group is left.
    ///
    /// Cancel safe: may be dropped and called again.
    ///
    /// # Errors
    /// The thread that waits for the child is gone.
    pub async fn ended(&mut self) -> io::Result<Ended> {
        (&mut self.ended)
            .await
            .map_err(|_| io::Error::other("the thread that waits for the child is gone"))
    }
}

impl Drop for OwnedProcessGroup {
    fn drop(&mut self) {
        // The thread does not reap while this lock is held, so the group's id cannot have been reused.
        let gone = locked(&self.gone);
        if !*gone {
            let _ = killpg(self.leader, Signal::SIGKILL);
        }
    }
}

fn leader_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}

fn locked(gone: &Mutex<bool>) -> MutexGuard<'_, bool> {
    gone.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(
    mut command: Command,
    numbers: Vec<RawFd>,
    sandbox: Option<&Sandbox>,
) -> io::Result<Child> {
    let parent = getpid();
    let sandbox = sandbox.map(Sandbox::to_enter);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    // SAFETY: between fork and exec, the closure makes only system calls: it takes no lock and allocates nothing.
    // The descriptors are open in the parent until the child has been started, so in the child they refer to the
    // same files, and keeping them open across exec affects only the child. The same holds for those of the
    // sandbox.
    unsafe {
        command.pre_exec(move || {
            for &number in &numbers {
                if libc::fcntl(number, libc::F_SETFD, 0) == -1 {
                    return Err(io::Error::last_os_error());
                }
            }
            // Sent when the forking thread ends, and that thread lives until the child is reaped.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == -1 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before the line above.
            if getppid() != parent {
                return Err(Errno::ESRCH.into());
            }
            sandbox.map_or(Ok(()), SandboxEntry::enter)
        })
    };
    command.spawn()
}

/// Waits for the leader, kills its group, and reaps all members that this process can reap.
fn end_of(leader: Pid, gone: &Mutex<bool>) -> Ended {
    wait_unreaped(leader);
    {
        let mut gone = locked(gone);
        // The leader is a zombie: its id, and the group's, cannot have been reused.
        let _ = killpg(leader, Signal::SIGKILL);
        *gone = true;
    }
    let ended = reap_group(leader);
    wait_gone(leader);
    ended
}

/// Waits until no process of a killed group is left: a member that is not our child dies shortly after the leader
/// was reaped.
fn wait_gone(group: Pid) {
    let deadline = Instant::now() + KILLED_TO_GONE;
    // No signal is sent, so a process that reuses the id is not affected.
    while killpg(group, None).is_ok() && Instant::now() < deadline {
        thread::sleep(LOOK);
        // Its parent may have died just now, which makes it our child.
        let _ = reap_group(group);
    }
}

fn wait_unreaped(leader: Pid) {
    loop {
        // SAFETY: `siginfo_t` is plain data for which all zeroes is a valid value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is a valid place for the answer.
        let answer = unsafe {
            libc::waitid(
                libc::P_PID,
                leader.as_raw().cast_unsigned(),
                &raw mut info,
                libc::WEXITED | libc::WNOWAIT,
            )
        };
        if answer == 0 || Errno::last() != Errno::EINTR {
            return;
        }
    }
}

/// Reaps the leader, and the group's processes that this process inherited if it is a subreaper or the first
/// process of a container: those would stay zombies as long as it lives.
fn reap_group(leader: Pid) -> Ended {
    let mut ended = Ended::Signalled(libc::SIGKILL);
    loop {
        let mut status = 0;
        // SAFETY: `status` is a valid place for the answer. A negative id means the children in that group.
        let pid = unsafe { libc::waitpid(-leader.as_raw(), &raw mut status, 0) };
        match pid {
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return ended,
            pid if pid == leader.as_raw() => {
                ended = if libc::WIFEXITED(status) {
                    Ended::Exited(libc::WEXITSTATUS(status))
                } else {
                    Ended::Signalled(libc::WTERMSIG(status))
                };
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    }

    #[test]
    fn a_child_gets_what_is_handed_to_it_and_its_end_is_told() {
        let handed = [InheritedMemfd::new("test", b"secret").unwrap()];
        let script = format!("cat {0}; cat {0}; exit 3", handed[0].path());
        let mut started = OwnedProcessGroup::start(shell(&script), &handed, None, ()).unwrap();
        let mut text = String::new();
        started.stdout.read_to_string(&mut text).unwrap();
        assert_eq!(text, "secretsecret");
        let ended = runtime().block_on(started.group.ended()).unwrap();
        assert_eq!(ended, Ended::Exited(3));
    }

    #[test]
    fn what_the_leader_leaves_behind_is_ended_with_it() {
        let mut started =
            OwnedProcessGroup::start(shell("sleep 600 & exit 0"), &[], None, ()).unwrap();
        let ended = runtime().block_on(started.group.ended()).unwrap();
        assert_eq!(ended, Ended::Exited(0));
        // The sleeper held the pipe; its end shows that no process is left.
        let mut text = String::new();
        started.stdout.read_to_string(&mut text).unwrap();
    }

    #[test]
    fn dropping_the_owner_kills_the_group_and_then_drops_what_was_kept() {
        let (keep, kept) = mpsc::channel::<()>();
        let started =
            OwnedProcessGroup::start(shell("sleep 600 & echo $!; wait"), &[], None, keep).unwrap();
        let mut stdout = BufReader::new(started.stdout);
        let mut sleeper = String::new();
        stdout.read_line(&mut sleeper).unwrap();
        let leader = started.group.leader;
        drop(started.group);
        let outcome = kept.recv_timeout(Duration::from_secs(60));
        assert_eq!(outcome, Err(mpsc::RecvTimeoutError::Disconnected));
        assert!(!std::path::Path::new(&format!("/proc/{leader}")).exists());
        // Its new parent may reap it later; it is dead in any case.
        let stat = format!("/proc/{}/stat", sleeper.trim());
        let deadline = Instant::now() + Duration::from_secs(60);
        while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(Instant::now() < deadline, "the sleeper lives");
            thread::yield_now();
        }
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        let fault =
            OwnedProcessGroup::start(Command::new("/nowhere/git"), &[], None, ()).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::NotFound);
    }
}
