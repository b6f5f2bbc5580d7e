//! Processes that a tool leaves behind: background children, and children that left its group.

use std::fs;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use tokio::time::sleep;

use super::descendants::Stat;

/// Shortest and longest pause between two checks of processes that are still dying.
const PAUSE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

/// Processes of a run that could not be ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survivors {
    /// The known ones.
    pub processes: Vec<Survivor>,
    /// Whether there are others: the kernel reports a living child that `/proc` does not show.
    pub has_unseen: bool,
}

impl Survivors {
    /// Returns whether no process is left alive.
    pub const fn is_empty(&self) -> bool {
        self.processes.is_empty() && !self.has_unseen
    }
}

/// A process that could not be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Survivor {
    /// Its process id.
    pub pid: i32,
    /// Why it is still alive.
    pub cause: SurvivalCause,
}

/// Why a process is still alive after SIGKILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SurvivalCause {
    /// It hangs in a system call.
    HangsInKernel,
    /// It runs as a user whose processes this one may not signal.
    NotPermitted,
}

/// Kills and reaps every child of this process except `leader`, and waits until `leader` has ended too.
///
/// This process is a subreaper: when a parent below it dies, it adopts the children. So it only ever signals its
/// own children, generation by generation. That is slower than a walk of the whole tree, but exact: the id of an
/// own child cannot be reused before it is reaped.
///
/// `patience` is counted in pauses slept, not by the clock: if the machine is frozen meanwhile, processes that die
/// as soon as it continues must not be reported as survivors.
pub(crate) async fn end_all(leader: Pid, patience: Duration) -> Survivors {
    let mut waited = Duration::ZERO;
    let mut pause = PAUSE.0;
    while any_alive() {
        let survivors: Vec<Survivor> = children()
            .into_iter()
            .filter(|&child| !is_over(child, leader))
            .map(|child| Survivor {
                pid: child.as_raw(),
                cause: match kill(child, Signal::SIGKILL) {
                    Err(Errno::EPERM) => SurvivalCause::NotPermitted,
                    Ok(()) | Err(_) => SurvivalCause::HangsInKernel,
                },
            })
            .collect();
        if waited >= patience {
            return Survivors {
                has_unseen: survivors.is_empty() && any_alive(),
                processes: survivors,
            };
        }
        sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(PAUSE.1);
    }
    Survivors::default()
}

/// Returns whether a child of this process is alive, as reported by the kernel itself, even without `/proc`.
pub(crate) fn any_alive() -> bool {
    // Without WEXITED, zombies do not count: if there are only zombies, the answer is ECHILD. WNOWAIT leaves a
    // stopped child as it is.
    let flags = WaitPidFlag::WSTOPPED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(Id::All, flags) != Err(Errno::ECHILD)
}

/// Reaps the children that have ended, except `leader`.
///
/// Used while the tool runs: processes that it abandons become children of this process, and would stay zombies.
pub(crate) fn reap_ended(leader: Pid) {
    for child in children() {
        is_over(child, leader);
    }
}

/// Returns whether a child has ended; reaps it if so, unless it is the leader.
fn is_over(child: Pid, leader: Pid) -> bool {
    if child == leader {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        return !matches!(
            waitid(Id::Pid(child), flags),
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR)
        );
    }
    match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
        Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => false,
        Ok(_) | Err(_) => true,
    }
}

/// Returns the children of this process, including dead ones that are not reaped.
fn children() -> Vec<Pid> {
    // This process has one thread, so its children are all children. The file needs CONFIG_PROC_CHILDREN, which
    // distributions set; without it, the parents of all processes are read.
    match fs::read_to_string("/proc/thread-self/children") {
        Ok(list) => list
            .split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .map(Pid::from_raw)
            .collect(),
        Err(_) => children_by_parent(),
    }
}

fn children_by_parent() -> Vec<Pid> {
    let own = Pid::this().as_raw();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| Stat::read(pid).is_some_and(|stat| stat.parent == own))
        .map(Pid::from_raw)
        .collect()
}
