//! Whatever a tool leaves behind: background children, and children that left its group.

use std::fs;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

/// Shortest and longest pause between two looks at what is still dying.
const PAUSE: (Duration, Duration) = (Duration::from_micros(200), Duration::from_millis(20));

/// Processes of a run that could not be ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survivors {
    /// Their process ids.
    pub pids: Vec<i32>,
}

/// Ends and reaps every child of this process but `leader`, and waits until `leader` has ended too.
///
/// This process is a subreaper: when a parent below it dies, its children become ours. So only our own
/// children are ever signalled, generation by generation. That is slower than a walk of the whole
/// tree, and it is exact: the id of our own child cannot pass to a stranger before we reap it.
pub(super) async fn end_all(leader: Pid, deadline: Duration) -> Survivors {
    let deadline = Instant::now() + deadline;
    let mut pause = PAUSE.0;
    loop {
        let seen = children();
        let only_leader = seen.iter().all(|&child| child == leader);
        let alive: Vec<Pid> = seen
            .into_iter()
            .filter(|&child| !is_over(child, leader))
            .collect();
        if alive.is_empty() && only_leader {
            return Survivors::default();
        }
        if alive.is_empty() {
            // What was reaped just now may have left us a child that this look did not see.
            continue;
        }
        for &child in &alive {
            let _ = kill(child, Signal::SIGKILL);
        }
        if Instant::now() >= deadline {
            let pids = alive.into_iter().map(Pid::as_raw).collect();
            return Survivors { pids };
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE.1);
    }
}

/// Reaps the children that have ended, but for `leader`.
///
/// For the time while the tool runs: what it abandons comes to us, and would stay a zombie.
pub(super) fn reap_ended(leader: Pid) {
    for child in children() {
        is_over(child, leader);
    }
}

/// Whether a child has ended; reaps it if so, unless it is the leader.
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

/// The children of this process, the dead ones that are not reaped among them.
fn children() -> Vec<Pid> {
    // One thread, so its children are all there are. The file needs CONFIG_PROC_CHILDREN, which
    // distributions set; without it, the parents of all processes are looked at.
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
    let own = Pid::this();
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .filter(|&pid| parent_of(pid) == Some(own))
        .collect()
}

/// The parent of a process, from its `stat` line: the second field after the name in parentheses.
fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let parent = fields.split_ascii_whitespace().nth(1)?;
    parent.parse().ok().map(Pid::from_raw)
}
