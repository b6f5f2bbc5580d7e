//! Proves that no process of a test is left alive.

use std::fs;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Environment variable that a tool and all processes that it starts carry.
pub(crate) const VARIABLE: &str = "IAC_TEST_MARK";

/// How long to wait for the end of marked processes. Killed processes end almost at once.
const ENDED_WITHIN: Duration = Duration::from_secs(30);
/// How many checks in a row must find nothing before the cleanup ends: one check can miss a process.
const EMPTY_LOOKS: u32 = 2;
/// Pause between two checks.
const PAUSE: Duration = Duration::from_millis(5);

/// A value unique to a test, by which its processes are recognised.
///
/// When dropped, it kills the processes that still carry it, and those that they fork in the meantime.
#[derive(Debug)]
pub(crate) struct Mark {
    value: String,
}

/// A process that carries a mark.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Marked {
    pub(crate) pid: i32,
    pub(crate) command_line: String,
}

impl Mark {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let nanoseconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("the clock is past 1970")
            .as_nanos();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self {
            value: format!("{}-{nanoseconds}-{count}", process::id()),
        }
    }

    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Returns the processes that carry the mark now, except zombies.
    ///
    /// One check can miss a process that is forked during the check, or is in the middle of an exec.
    pub(crate) fn carriers(&self) -> Vec<Marked> {
        carriers_of(&self.value)
    }

    /// Asserts that no process carries the mark: no wait, no second check.
    #[track_caller]
    pub(crate) fn assert_nothing_is_left_alive(&self) {
        let left = self.carriers();
        assert!(left.is_empty(), "left alive: {left:#?}");
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let deadline = Instant::now() + ENDED_WITHIN;
        let mut empty_looks = 0;
        while empty_looks < EMPTY_LOOKS && Instant::now() < deadline {
            let left = self.carriers();
            for carrier in &left {
                // It may have ended by itself since the check.
                let _ = kill(Pid::from_raw(carrier.pid), Signal::SIGKILL);
            }
            empty_looks = if left.is_empty() { empty_looks + 1 } else { 0 };
            if empty_looks < EMPTY_LOOKS {
                thread::sleep(PAUSE);
            }
        }
    }
}

/// Returns the processes that carry the mark with this value now, except zombies.
pub(crate) fn carriers_of(value: &str) -> Vec<Marked> {
    let wanted = format!("{VARIABLE}={value}");
    let processes = fs::read_dir("/proc").expect("/proc is readable");
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| carries(pid, wanted.as_bytes()))
        .map(|pid| Marked {
            pid,
            command_line: command_line(pid),
        })
        .collect()
}

/// Returns the children of a process.
pub(crate) fn children(parent: i32) -> Vec<i32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    children
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// Returns the parent of a process; `None` if the process is gone.
pub(crate) fn parent_of(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain closing parentheses; the state follows the last one, then the parent.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Returns the name of a process; empty if it is gone.
pub(crate) fn name(pid: i32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    comm.trim_end().to_owned()
}

/// Returns whether the process exists and is not a zombie.
pub(crate) fn is_alive(pid: i32) -> bool {
    state_of(pid).is_some_and(|state| !['Z', 'X'].contains(&state))
}

/// Returns the state of a process, as in `ps`; `None` if it is gone.
pub(crate) fn state_of(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain closing parentheses; the state follows the last one.
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Returns the peak resident memory of a process, in KiB.
pub(crate) fn peak_memory_kib(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

fn carries(pid: i32, wanted: &[u8]) -> bool {
    let environment = fs::read(Path::new("/proc").join(pid.to_string()).join("environ"));
    environment.is_ok_and(|environment| {
        environment
            .split(|&byte| byte == 0)
            .any(|variable| variable == wanted)
    }) && is_alive(pid)
}

fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}
