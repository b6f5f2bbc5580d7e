//! The descendants of this process, read from `/proc`.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Most processes that are inspected.
const MAX_PROCESSES: usize = 4096;

/// A point in time, such as the start of a process, in clock ticks since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTicks(u64);

impl BootTicks {
    /// Returns the current time, or the maximum if the clock cannot be read.
    pub fn now() -> Self {
        // SAFETY: the call takes a number, returns one, and accesses no memory of this process.
        let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        let now = clock_gettime(ClockId::CLOCK_BOOTTIME)
            .map(|time| time.tv_sec() * ticks + time.tv_nsec() * ticks / 1_000_000_000);
        Self(now.map_or(u64::MAX, i64::cast_unsigned))
    }

    #[cfg(test)]
    pub(crate) const fn of(ticks: u64) -> Self {
        Self(ticks)
    }
}

/// A process that this one, or a descendant of it, started. Never a zombie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: i32,
    /// The process id of its parent.
    pub parent: i32,
    /// The id of its process group.
    pub group: i32,
    /// Its start time; together with the process id, this identifies it.
    pub started: BootTicks,
    /// File name of the program that it runs; `None` when that cannot be read.
    pub program: Option<String>,
}

impl Process {
    /// Returns whether both are the same process, which may have changed its program.
    pub fn is(&self, other: &Self) -> bool {
        self.pid == other.pid && self.started == other.started
    }

    /// Opens the file of its program, even if that was removed or replaced.
    ///
    /// # Errors
    /// The process has ended, or this process may not inspect it.
    pub fn program_file(&self) -> io::Result<File> {
        program_file_of(self.pid)
    }

    /// Sends one SIGINT, and a SIGCONT so that a stopped process receives it.
    ///
    /// # Errors
    /// The process has ended, or belongs to another user.
    pub fn interrupt(&self) -> io::Result<()> {
        let handle = PidHandle::open(self.pid)?;
        // The handle refers to the process that has this id now: check that it is still the same process.
        if Stat::read(self.pid).is_none_or(|stat| stat.started != self.started) {
            return Err(Errno::ESRCH.into());
        }
        handle.send(Signal::SIGINT)?;
        handle.send(Signal::SIGCONT)
    }
}

/// Returns all descendants of this process, parents before their children.
///
/// Empty if `/proc` does not show them.
pub fn descendants() -> Vec<Process> {
    let table = ParentTable::default();
    let mut queue: VecDeque<i32> = table.children_of(Pid::this().as_raw()).into();
    let mut found = Vec::new();
    while let Some(pid) = queue.pop_front() {
        if found.len() >= MAX_PROCESSES {
            break;
        }
        queue.extend(table.children_of(pid));
        if let Some(stat) = Stat::read(pid)
            && !stat.is_zombie
        {
            found.push(Process {
                pid,
                parent: stat.parent,
                group: stat.group,
                started: stat.started,
                program: program_of(pid),
            });
        }
    }
    found
}

/// Returns the file name of the program that a process runs.
pub(crate) fn program_of(pid: i32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = path.file_name()?.to_str()?;
    // The kernel appends this if the file was removed or replaced.
    Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
}

/// Opens the file of the program that a process runs.
pub(crate) fn program_file_of(pid: i32) -> io::Result<File> {
    File::open(format!("/proc/{pid}/exe"))
}

/// Maps parents to children.
#[derive(Default)]
struct ParentTable {
    /// Read once, and only if the kernel does not list children (no CONFIG_PROC_CHILDREN).
    children: std::cell::OnceCell<HashMap<i32, Vec<i32>>>,
}

impl ParentTable {
    fn children_of(&self, parent: i32) -> Vec<i32> {
        if let Some(children) = listed_children(parent) {
            return children;
        }
        let table = self.children.get_or_init(|| {
            let mut table = HashMap::<i32, Vec<i32>>::new();
            for pid in all_pids() {
                if let Some(stat) = Stat::read(pid) {
                    table.entry(stat.parent).or_default().push(pid);
                }
            }
            table
        });
        table.get(&parent).cloned().unwrap_or_default()
    }
}

/// Returns the children of all threads of a process; `None` if the kernel has no such list.
fn listed_children(parent: i32) -> Option<Vec<i32>> {
    let mut children = Vec::new();
    let threads = match fs::read_dir(format!("/proc/{parent}/task")) {
        Ok(threads) => threads,
        // The process has ended meanwhile: its children have another parent.
        Err(_) if Path::new("/proc/self").exists() => return Some(children),
        Err(_) => return None,
    };
    for thread in threads.flatten() {
        match fs::read_to_string(thread.path().join("children")) {
            Ok(list) => children.extend(
                list.split_ascii_whitespace()
                    .filter_map(|pid| pid.parse::<i32>().ok()),
            ),
            Err(_) if thread.path().exists() => return None,
            // This thread has ended meanwhile.
            Err(_) => {}
        }
    }
    Some(children)
}

fn all_pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// Fields of a process's `stat` line (proc(5)).
pub(crate) struct Stat {
    is_zombie: bool,
    pub(crate) parent: i32,
    group: i32,
    started: BootTicks,
}

impl Stat {
    pub(crate) fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Parses the line. The name, in parentheses, may contain anything; the fields follow the last closing one.
    fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        Some(Self {
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            started: BootTicks(fields.get(19)?.parse().ok()?),
        })
    }
}

/// Refers to a process by a descriptor if the kernel supports it (Linux 5.3), else by its id.
enum PidHandle {
    Descriptor(std::os::fd::OwnedFd),
    Id(Pid),
}

impl PidHandle {
    fn open(pid: i32) -> io::Result<Self> {
        use std::os::fd::{FromRawFd, OwnedFd, RawFd};
        // SAFETY: the call takes two numbers and accesses no memory.
        let answer = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if answer >= 0 {
            let number = RawFd::try_from(answer).map_err(|_| Errno::EBADF)?;
            // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
            return Ok(Self::Descriptor(unsafe { OwnedFd::from_raw_fd(number) }));
        }
        match Errno::last() {
            Errno::ENOSYS => Ok(Self::Id(Pid::from_raw(pid))),
            fault => Err(fault.into()),
        }
    }

    fn send(&self, signal: Signal) -> io::Result<()> {
        use std::os::fd::AsRawFd;
        match self {
            Self::Id(pid) => Ok(kill(*pid, signal)?),
            Self::Descriptor(descriptor) => {
                let nothing = std::ptr::null::<libc::siginfo_t>();
                // SAFETY: the descriptor is open as long as `self` lives, and the kernel reads no signal
                // information through a null pointer.
                let answer = unsafe {
                    libc::syscall(
                        libc::SYS_pidfd_send_signal,
                        descriptor.as_raw_fd(),
                        signal as libc::c_int,
                        nothing,
                        0,
                    )
                };
                if answer == 0 {
                    Ok(())
                } else {
                    Err(Errno::last().into())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn stat_line_with_any_process_name_is_parsed() {
        let line = "12 (a) b (c) S 1 12 13 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 9 9";
        let stat = Stat::parse(line).unwrap();
        assert!(!stat.is_zombie);
        assert_eq!((stat.parent, stat.group), (1, 12));
        assert_eq!(stat.started, BootTicks(4711));
        for broken in ["", "12 (sh", "12 (sh) S 1", "12 (sh) S a b c"] {
            assert!(Stat::parse(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_child_is_found_interrupted_and_not_mistaken() {
        let mut child = Command::new("sleep")
            .arg("600")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id().cast_signed();
        let seen = descendants()
            .into_iter()
            .find(|process| process.pid == pid)
            .unwrap();
        assert!(seen.started <= BootTicks::now());
        let another = Process {
            started: BootTicks(seen.started.0 + 1),
            ..seen.clone()
        };
        assert!(another.interrupt().is_err());
        assert!(child.try_wait().unwrap().is_none());
        seen.interrupt().unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(seen.interrupt().is_err());
    }
}
