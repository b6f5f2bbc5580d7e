//! Detects whether the kernel's OOM killer ended a process of this run.
//!
//! It reads the counter of the run's own memory cgroup: the tool inherits the cgroup of the supervisor. Version 2
//! counts the victims in the cgroup in `memory.events.local`, version 1 in `memory.oom_control`. Both count a kill
//! because of the limit of the cgroup, of one above it, and of the whole machine. If no such cgroup is mounted,
//! only the counter of the machine is available, which counts processes of all users.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

/// Most bytes of one file that are read.
const MAX_FILE_BYTES: usize = 1024 * 1024;

/// What was observed of the OOM killer while the tool ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Nothing.
    NotSeen,
    /// It ended a process in the memory cgroup of the run.
    InCgroup,
    /// It ended a process on the machine; the cgroup of the run can't be read.
    OnMachine,
}

/// A counter of kills, and its value at the start.
#[derive(Debug)]
pub(crate) struct OomCounter {
    file: PathBuf,
    is_of_cgroup: bool,
    before: u64,
}

impl OomCounter {
    /// Reads the counter of this process's own memory cgroup, or that of the machine.
    pub(crate) fn start() -> Option<Self> {
        let of_cgroup = || {
            let cgroups = read(Path::new("/proc/self/cgroup"))?;
            let mounts = read(Path::new("/proc/self/mountinfo"))?;
            let files = counters(&cgroups, &mounts);
            files.into_iter().find_map(|file| Self::of(file, true))
        };
        of_cgroup().or_else(|| Self::of(PathBuf::from("/proc/vmstat"), false))
    }

    fn of(file: PathBuf, is_of_cgroup: bool) -> Option<Self> {
        let before = kills(&read(&file)?)?;
        Some(Self {
            file,
            is_of_cgroup,
            before,
        })
    }

    /// Returns what was counted since the start.
    pub(crate) fn seen(&self) -> Kill {
        let now = read(&self.file).and_then(|table| kills(&table));
        match now.is_some_and(|now| now > self.before) {
            false => Kill::NotSeen,
            true if self.is_of_cgroup => Kill::InCgroup,
            true => Kill::OnMachine,
        }
    }
}

/// Parses the number in the line `oom_kill NUMBER`.
fn kills(table: &str) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    line.trim().parse().ok()
}

/// Returns the files that count the kills in this process's memory cgroup, the best first.
fn counters(cgroups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in cgroups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let names: &[&str] = match controllers {
            "" => &["memory.events.local", "memory.events"],
            _ if controllers.split(',').any(|it| it == "memory") => &["memory.oom_control"],
            _ => continue,
        };
        if let Some(folder) = folder(controllers.is_empty(), Path::new(path), mounts) {
            found.extend(names.iter().map(|name| folder.join(name)));
        }
    }
    found
}

/// Returns the path of a cgroup in the file system (proc(5), `mountinfo`).
fn folder(is_unified: bool, path: &Path, mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (mount.next()?, mount.next()?);
        let mut source = source.split(' ');
        let (kind, options) = (source.next()?, source.nth(1)?);
        let is_wanted = match is_unified {
            true => kind == "cgroup2",
            false => kind == "cgroup" && options.split(',').any(|it| it == "memory"),
        };
        let below = is_wanted.then(|| path.strip_prefix(root).ok())??;
        // In a cgroup namespace that does not contain this process, the path leaves the mounted part.
        let leads_out = below.components().any(|it| it == Component::ParentDir);
        (!leads_out).then(|| Path::new(point).join(below))
    })
}

/// Reads a file as text. The kernel generates such tables for every read, so one read has to get it whole.
fn read(file: &Path) -> Option<String> {
    if !file.starts_with("/proc") && !fs::metadata(file).ok()?.is_file() {
        return None;
    }
    let mut table = vec![0; 16 * 1024];
    let mut len = 0;
    let mut file = File::open(file).ok()?;
    loop {
        match file.read(&mut table[len..]).ok()? {
            0 => break,
            more => len += more,
        }
        if len == table.len() {
            if len >= MAX_FILE_BYTES {
                return None;
            }
            table.resize(2 * len, 0);
        }
    }
    table.truncate(len);
    String::from_utf8(table).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
    const V2_MOUNTS: &str = "\
29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:2 - cgroup2 cgroup2 rw,nsdelegate
";
    /// A container without a cgroup namespace: only its own part of the tree is mounted.
    const DOCKER_V1_MOUNTS: &str = "\
52 51 0:32 /docker/4f1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
";

    #[test]
    fn counter_of_own_cgroup_is_found() {
        for (cgroups, mounts, files) in [
            (
                "5:devices:/\n4:memory:/job/12\n3:cpu,cpuacct:/job\n0::/\n",
                V1_MOUNTS,
                vec![
                    "/sys/fs/cgroup/memory/job/12/memory.oom_control",
                    "/sys/fs/cgroup/unified/memory.events.local",
                    "/sys/fs/cgroup/unified/memory.events",
                ],
            ),
            (
                "0::/system.slice/backend.service\n",
                V2_MOUNTS,
                vec![
                    "/sys/fs/cgroup/system.slice/backend.service/memory.events.local",
                    "/sys/fs/cgroup/system.slice/backend.service/memory.events",
                ],
            ),
            (
                "4:memory:/docker/4f1\n",
                DOCKER_V1_MOUNTS,
                vec!["/sys/fs/cgroup/memory/memory.oom_control"],
            ),
            ("4:memory:/docker/9ab\n", DOCKER_V1_MOUNTS, vec![]),
            ("0::/../other\n", V2_MOUNTS, vec![]),
            ("3:cpu,cpuacct:/\n", V1_MOUNTS, vec![]),
            ("", "", vec![]),
            ("rubbish\n0::", "rubbish - \n - cgroup2", vec![]),
        ] {
            let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
            assert_eq!(counters(cgroups, mounts), files, "{cgroups}");
        }
    }

    #[test]
    fn kills_are_read_from_each_table() {
        for (table, expected) in [
            ("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", Some(3)),
            (
                "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n",
                Some(1),
            ),
            ("oom_kill_disable 0\nunder_oom 0\n", None),
            ("", None),
        ] {
            assert_eq!(kills(table), expected, "{table}");
        }
    }

    #[test]
    fn nothing_is_seen_where_nothing_was_killed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.events");
        fs::write(&file, "oom_kill 1\n").unwrap();
        let counter = OomCounter::of(file.clone(), true).unwrap();
        assert_eq!(counter.seen(), Kill::NotSeen);
        fs::write(&file, "oom_kill 2\n").unwrap();
        assert_eq!(counter.seen(), Kill::InCgroup);
        fs::remove_file(&file).unwrap();
        assert_eq!(counter.seen(), Kill::NotSeen);
        fs::write(&file, "oom_kill 2\n").unwrap();
        let of_machine = OomCounter::of(file.clone(), false).unwrap();
        fs::write(&file, "oom_kill 3\n").unwrap();
        assert_eq!(of_machine.seen(), Kill::OnMachine);
    }
}
