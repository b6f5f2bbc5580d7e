//! Explains why no further process can be started.
//!
//! The kernel returns EAGAIN ("try again") for each of several limits. Which of them was reached is determined
//! afterwards.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::process::{process_limit, user_id};
use crate::runner::messages::wording::of_system;

/// Returns why a process could not be started, as the end of a sentence that says what to do.
pub(crate) fn explain(fault: &io::Error) -> String {
    match fault.raw_os_error() {
        Some(libc::EAGAIN) => {
            ReachedLimit::look(Path::new("/"), process_limit(), user_id()).sentence()
        }
        Some(libc::ENOMEM) => {
            "there is not enough memory for one more process; free some, or raise the \
                               limit of memory of this machine or container"
                .to_owned()
        }
        _ => of_system(fault),
    }
}

/// The limit that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ReachedLimit {
    /// `RLIMIT_NPROC`.
    User { limit: u64 },
    /// `pids.max` of this control group, or of a parent.
    ControlGroup { path: String, limit: u64 },
    /// A limit of the whole machine.
    Machine { limit: u64 },
    /// None of the limits that this process can read.
    NotSeen,
}

impl ReachedLimit {
    /// Determines the limit in a file system with `/proc` and `/sys`.
    fn look(root: &Path, user_limit: u64, user: u32) -> Self {
        if processes_of(root, user) >= user_limit {
            return Self::User { limit: user_limit };
        }
        let machine = ["proc/sys/kernel/threads-max", "proc/sys/kernel/pid_max"];
        let machine = machine
            .into_iter()
            .filter_map(|file| number_in(&root.join(file)))
            .min()
            .filter(|limit| processes(root).is_some_and(|processes| processes >= *limit));
        control_group(root)
            .or(machine.map(|limit| Self::Machine { limit }))
            .unwrap_or(Self::NotSeen)
    }

    fn sentence(&self) -> String {
        match self {
            Self::User { limit } => format!(
                "this user may have no more than {limit} processes and threads (RLIMIT_NPROC), and has \
                 them; end some, or raise the limit (`ulimit -u`, `LimitNPROC=`)"
            ),
            Self::ControlGroup { path, limit } => format!(
                "the control group `{path}` may hold no more than {limit} processes and threads (pids.max), \
                 and holds them; end some, or raise the limit (`TasksMax=`, `--pids-limit`, \
                 `podPidsLimit`)"
            ),
            Self::Machine { limit } => format!(
                "this machine may have no more than {limit} processes and threads, and has them; end some, \
                 or raise the limit (`sysctl kernel.threads-max kernel.pid_max`)"
            ),
            Self::NotSeen => {
                "there is no room for one more process; look at RLIMIT_NPROC (`ulimit -u`), at \
                              pids.max of the control group, and at `sysctl kernel.threads-max`"
                    .to_owned()
            }
        }
    }
}

/// Returns the lowest full control group, starting at this process's own.
fn control_group(root: &Path) -> Option<ReachedLimit> {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let group_of = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mount = match controllers {
            "" => "sys/fs/cgroup",
            "pids" => "sys/fs/cgroup/pids",
            _ => return None,
        };
        full_group(&root.join(mount), Path::new(path.trim_start_matches('/')))
    };
    groups.lines().find_map(group_of)
}

fn full_group(mount: &Path, group: &Path) -> Option<ReachedLimit> {
    group.ancestors().find_map(|group| {
        let limit = number_in(&mount.join(group).join("pids.max"))?;
        let current = number_in(&mount.join(group).join("pids.current"))?;
        (current >= limit).then(|| ReachedLimit::ControlGroup {
            path: format!("/{}", group.display()),
            limit,
        })
    })
}

/// Returns the number of processes and threads of a user, as far as they are visible.
fn processes_of(root: &Path, user: u32) -> u64 {
    let entries = fs::read_dir(root.join("proc")).into_iter().flatten();
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            entry.file_name().to_str()?.parse::<u32>().ok()?;
            let tasks = entry.path().join("task").metadata().ok()?;
            // One link per thread, and two as in every directory.
            (tasks.uid() == user).then(|| tasks.nlink().saturating_sub(2))
        })
        .sum()
}

/// Returns the number of processes and threads of the whole machine: the second number in `1/234`.
fn processes(root: &Path) -> Option<u64> {
    let load = fs::read_to_string(root.join("proc/loadavg")).ok()?;
    load.split_whitespace()
        .nth(3)?
        .split_once('/')?
        .1
        .parse()
        .ok()
}

/// Returns the number in a file; `None` if it contains `max`.
fn number_in(file: &Path) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: u32 = 4711;

    /// Creates a root directory with these files.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    fn looked(files: &[(&str, &str)]) -> ReachedLimit {
        ReachedLimit::look(root(files).path(), 100, USER)
    }

    #[test]
    fn a_full_control_group_is_named_wherever_it_is_mounted() {
        let full = |path: &str| ReachedLimit::ControlGroup {
            path: path.to_owned(),
            limit: 20,
        };
        let own = ("proc/self/cgroup", "0::/a/b\n");
        let below = ("sys/fs/cgroup/a/b/pids.max", "max\n");
        let table: [(&[(&str, &str)], ReachedLimit); 6] = [
            (
                &[
                    own,
                    ("sys/fs/cgroup/a/b/pids.max", "20\n"),
                    ("sys/fs/cgroup/a/b/pids.current", "20\n"),
                ],
                full("/a/b"),
            ),
            (
                &[
                    own,
                    below,
                    ("sys/fs/cgroup/a/pids.max", "20\n"),
                    ("sys/fs/cgroup/a/pids.current", "21\n"),
                ],
                full("/a"),
            ),
            (
                &[
                    ("proc/self/cgroup", "0::/\n"),
                    ("sys/fs/cgroup/pids.max", "20"),
                    ("sys/fs/cgroup/pids.current", "20"),
                ],
                full("/"),
            ),
            (
                &[
                    ("proc/self/cgroup", "5:memory:/x\n4:pids:/docker/x\n0::/\n"),
                    ("sys/fs/cgroup/pids/docker/x/pids.max", "20"),
                    ("sys/fs/cgroup/pids/docker/x/pids.current", "20"),
                ],
                full("/docker/x"),
            ),
            (
                &[
                    own,
                    below,
                    ("sys/fs/cgroup/a/pids.max", "20\n"),
                    ("sys/fs/cgroup/a/pids.current", "19\n"),
                ],
                ReachedLimit::NotSeen,
            ),
            (&[], ReachedLimit::NotSeen),
        ];
        for (files, reached) in table {
            assert_eq!(looked(files), reached, "{files:?}");
        }
    }

    #[test]
    fn a_full_machine_is_told_from_one_with_room() {
        let max = ("proc/sys/kernel/threads-max", "5000\n");
        let pids = ("proc/sys/kernel/pid_max", "300\n");
        let load = |text| ("proc/loadavg", text);
        let full = ReachedLimit::Machine { limit: 300 };
        assert_eq!(looked(&[max, pids, load("0.1 0.1 0.1 2/300 77\n")]), full);
        let room = looked(&[max, pids, load("0.1 0.1 0.1 2/299 77\n")]);
        assert_eq!(room, ReachedLimit::NotSeen);
    }

    #[test]
    fn the_users_own_processes_are_counted() {
        let own = user_id();
        let root = Path::new("/");
        assert!(processes_of(root, own) > 0);
        let reached = ReachedLimit::look(root, 1, own);
        assert_eq!(reached, ReachedLimit::User { limit: 1 });
        for part in ["RLIMIT_NPROC", "`ulimit -u`", "`LimitNPROC=`"] {
            assert!(reached.sentence().contains(part));
        }
    }

    #[test]
    fn other_faults_keep_the_words_of_the_system() {
        let fault = |number| io::Error::from_raw_os_error(number);
        assert_eq!(explain(&fault(libc::ENOENT)), "no such file or directory");
        assert!(explain(&fault(libc::ENOMEM)).contains("memory"));
    }
}
