//! Identifies processes beyond their ids: ids are reused, and each PID namespace has its own.

pub(super) mod pidfd;

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::files::file_id::FileId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// A process, with the data that distinguishes it from every other process with the same id.
///
/// A member is `None` if `/proc` did not provide it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its id, in its PID namespace.
    pub pid: i32,
    /// When it started, in clock ticks since the system booted.
    pub start_time: Option<u64>,
    /// Inode number of its PID namespace.
    pub pid_namespace: Option<u64>,
    /// Id of the boot of the system.
    pub boot_id: Option<String>,
    /// Inode number of the time namespace of the process that read the start time: others have another clock.
    #[serde(default)]
    pub time_namespace: Option<u64>,
}

/// What this process can find out about another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// It is alive.
    Alive,
    /// It has ended; its id is free or belongs to another process.
    Gone,
    /// It runs or ran in another PID namespace of this machine.
    OtherNamespace,
    /// It ran before the system booted, or on another machine.
    OtherBoot,
    /// `/proc` does not provide the answer, here or there.
    Unknown,
}

impl ProcessIdentity {
    /// Returns the identity of this process.
    pub fn of_this_process() -> Self {
        Self::of(Pid::this().as_raw())
    }

    /// Returns the identity of a process with this id in this process's namespace.
    pub fn of(pid: i32) -> Self {
        Self::started_at(pid, start_time(pid))
    }

    /// Returns the identity of a process in the same namespace whose start time was read while it was alive.
    pub fn started_at(pid: i32, start_time: Option<u64>) -> Self {
        Self {
            pid,
            start_time,
            pid_namespace: own_namespace("pid"),
            boot_id: boot_id(),
            time_namespace: own_namespace("time"),
        }
    }

    /// Returns the identity of a process of which only the id is known.
    pub const fn untold(pid: i32) -> Self {
        Self {
            pid,
            start_time: None,
            pid_namespace: None,
            boot_id: None,
            time_namespace: None,
        }
    }

    /// Looks for the process.
    pub fn sighting(&self) -> Sighting {
        let here = Here {
            pid_namespace: own_namespace("pid"),
            boot_id: boot_id(),
            time_namespace: own_namespace("time"),
            has_proc: proc_is_of_own_namespace(),
            found: stat_of(self.pid),
        };
        self.sighting_from(&here)
    }

    fn sighting_from(&self, here: &Here) -> Sighting {
        match (&self.boot_id, &here.boot_id) {
            (Some(there), Some(here)) if there != here => return Sighting::OtherBoot,
            (Some(_), Some(_)) => {}
            (None, _) | (_, None) => return Sighting::Unknown,
        }
        match (self.pid_namespace, here.pid_namespace) {
            (Some(there), Some(here)) if there != here => return Sighting::OtherNamespace,
            (Some(_), Some(_)) => {}
            (None, _) | (_, None) => return Sighting::Unknown,
        }
        // Kernels before 5.6 have no time namespaces.
        if self.time_namespace != here.time_namespace && self.time_namespace.is_some() {
            return Sighting::Unknown;
        }
        let Some(start_time) = self.start_time.filter(|_| here.has_proc) else {
            return Sighting::Unknown;
        };
        match here.found {
            Some(found) if found.start_time == start_time && !found.is_dead => Sighting::Alive,
            Some(_) | None => Sighting::Gone,
        }
    }

    /// Returns a handle to the process, if it is alive and holds a file open that no other process has.
    ///
    /// # Errors
    /// The sighting, or that the process does not hold the file.
    pub fn prove(&self, file: &File) -> Result<ProvenProcess, Unproven> {
        // In this order: once the handle is open, its process keeps the id during the checks.
        let handle = pidfd::open(self.pid).ok();
        match self.sighting() {
            Sighting::Alive => {}
            seen => return Err(Unproven::NotSeen(seen)),
        }
        match holds(self.pid, file) {
            Ok(true) => Ok(ProvenProcess {
                pid: self.pid,
                handle,
            }),
            Ok(false) => Err(Unproven::AnotherHolder),
            Err(fault) => Err(Unproven::FilesNotShown(fault)),
        }
    }
}

/// Why a process is not proven to be the expected one.
#[derive(Debug)]
pub enum Unproven {
    /// It is not alive as far as this process can see.
    NotSeen(Sighting),
    /// Another process holds the file.
    AnotherHolder,
    /// This process may not see which files the process holds.
    FilesNotShown(io::Error),
}

/// A process that is proven to be the expected one.
#[derive(Debug)]
pub struct ProvenProcess {
    pid: i32,
    /// `None` on kernels without pidfd (before 5.3).
    handle: Option<OwnedFd>,
}

impl ProvenProcess {
    pub(super) fn signal(&self, signal: Signal) -> io::Result<()> {
        match &self.handle {
            Some(handle) => pidfd::send_signal(handle, signal),
            None => Ok(kill(Pid::from_raw(self.pid), signal)?),
        }
    }
}

/// Returns the start time of a process, in clock ticks since the system booted.
pub fn start_time(pid: i32) -> Option<u64> {
    if !proc_is_of_own_namespace() {
        return None;
    }
    stat_of(pid).map(|stat| stat.start_time)
}

/// The view of the current process.
#[derive(Debug)]
struct Here {
    pid_namespace: Option<u64>,
    boot_id: Option<String>,
    time_namespace: Option<u64>,
    /// Whether `/proc` shows the processes of the same namespace.
    has_proc: bool,
    /// The process with the wanted id.
    found: Option<Stat>,
}

/// The fields of a `stat` line that distinguish processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stat {
    start_time: u64,
    is_dead: bool,
}

fn stat_of(pid: i32) -> Option<Stat> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Parses state and start time: the first and the twentieth field after the name, which is in parentheses and may
/// contain anything.
fn parse_stat(line: &str) -> Option<Stat> {
    let (_, fields) = line.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X" | "x");
    Some(Stat {
        start_time: fields.nth(18)?.parse().ok()?,
        is_dead,
    })
}

fn own_namespace(kind: &str) -> Option<u64> {
    fs::metadata(format!("/proc/self/ns/{kind}"))
        .ok()
        .map(|namespace| namespace.ino())
}

/// Returns a string that differs after each boot; `None` if the system does not provide one.
///
/// Unsynced writes survive the end of the process that made them, but may be lost at the next boot.
pub fn boot_id() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// Returns whether `/proc` uses the same process ids as this process; it may be mounted from another namespace.
fn proc_is_of_own_namespace() -> bool {
    fs::read_link("/proc/self")
        .is_ok_and(|own| own.as_path() == Path::new(&Pid::this().to_string()))
}

/// Returns whether a process has a file open.
fn holds(pid: i32, file: &File) -> io::Result<bool> {
    let wanted = FileId::of(&file.metadata()?);
    let entries = fs::read_dir(format!("/proc/{pid}/fd"))?;
    // A descriptor may be closed between the two reads.
    Ok(entries
        .filter_map(|entry| FileId::at(&entry.ok()?.path()).ok())
        .any(|open| open == wanted))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn recorded() -> ProcessIdentity {
        ProcessIdentity {
            pid: 7,
            start_time: Some(100),
            pid_namespace: Some(1),
            boot_id: Some("boot".into()),
            time_namespace: Some(3),
        }
    }

    fn here() -> Here {
        Here {
            pid_namespace: Some(1),
            boot_id: Some("boot".into()),
            time_namespace: Some(3),
            has_proc: true,
            found: Some(Stat {
                start_time: 100,
                is_dead: false,
            }),
        }
    }

    #[test]
    fn a_process_is_seen_only_where_everything_agrees() {
        let stat = |start_time, is_dead| {
            Some(Stat {
                start_time,
                is_dead,
            })
        };
        type Change = fn(&mut ProcessIdentity, &mut Here);
        let table: [(Change, Sighting); 14] = [
            (|_, _| {}, Sighting::Alive),
            (|_, here| here.found = None, Sighting::Gone),
            (|there, _| there.start_time = Some(99), Sighting::Gone),
            (
                |_, here| here.pid_namespace = Some(2),
                Sighting::OtherNamespace,
            ),
            (
                |_, here| here.boot_id = Some("next".into()),
                Sighting::OtherBoot,
            ),
            (|_, here| here.has_proc = false, Sighting::Unknown),
            (|_, here| here.pid_namespace = None, Sighting::Unknown),
            (|_, here| here.boot_id = None, Sighting::Unknown),
            (|there, _| there.start_time = None, Sighting::Unknown),
            (|there, _| there.pid_namespace = None, Sighting::Unknown),
            (|there, _| there.boot_id = None, Sighting::Unknown),
            (|_, here| here.time_namespace = Some(4), Sighting::Unknown),
            (|_, here| here.time_namespace = None, Sighting::Unknown),
            // A record of an earlier version.
            (|there, _| there.time_namespace = None, Sighting::Alive),
        ];
        for (number, (change, sighting)) in table.into_iter().enumerate() {
            let (mut there, mut here) = (recorded(), here());
            change(&mut there, &mut here);
            assert_eq!(there.sighting_from(&here), sighting, "row {number}");
        }
        let zombie = Here {
            found: stat(100, true),
            ..here()
        };
        assert_eq!(recorded().sighting_from(&zombie), Sighting::Gone);
    }

    #[test]
    fn stat_line_with_any_program_name_is_parsed() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        for name in ["sh", "a b", ") Z 1 (", ""] {
            let stat = parse_stat(&format!("12 ({name}) {rest}")).unwrap();
            assert_eq!((stat.start_time, stat.is_dead), (4711, false), "{name}");
        }
        assert_eq!(parse_stat("12 (sh) S 1"), None);
    }

    #[test]
    fn only_the_holder_of_a_file_is_proven() {
        let file = tempfile::tempfile().unwrap();
        let own = ProcessIdentity::of_this_process();
        assert_eq!(own.sighting(), Sighting::Alive);
        assert!(own.prove(&file).is_ok());
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let stranger = ProcessIdentity::of(child.id().cast_signed());
        assert!(matches!(
            stranger.prove(&file),
            Err(Unproven::AnotherHolder)
        ));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(stranger.sighting(), Sighting::Gone);
    }
}
