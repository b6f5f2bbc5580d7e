//! How much memory this process may use, together with all processes that share its limit.

use std::fs;
use std::path::Path;

/// Where control groups are mounted.
const CGROUPS: &str = "/sys/fs/cgroup";
/// Assumed if no limit can be read.
const UNTOLD_BYTES: u64 = 1024 * 1024 * 1024;

/// Returns the memory of the machine, or the limit of this process's control groups if that is lower, in bytes.
pub fn memory_limit() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|table| machine_bytes(&table));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_groups = limit_files(&groups)
        .into_iter()
        .filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok());
    machine
        .into_iter()
        .chain(of_groups)
        .min()
        .unwrap_or(UNTOLD_BYTES)
}

/// Parses `MemTotal` of `/proc/meminfo`.
fn machine_bytes(table: &str) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Returns the files that may contain a limit: of each group of this process, and of the groups above it.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else {
            continue;
        };
        let (mount, file) = if controllers.is_empty() {
            (CGROUPS.to_owned(), "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            (format!("{CGROUPS}/memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        for group in Path::new(group).ancestors() {
            let group = group.to_string_lossy();
            files.push(format!("{mount}{}/{file}", group.trim_end_matches('/')));
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_above_may_have_a_limit() {
        assert_eq!(
            limit_files("9:name=systemd:/\n4:cpu,memory:/a/b\n0::/x\n"),
            [
                "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "/sys/fs/cgroup/x/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert!(limit_files("").is_empty());
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        let table = "MemFree:  1 kB\nMemTotal:       24683656 kB\n";
        assert_eq!(machine_bytes(table), Some(24_683_656 * 1024));
        assert_eq!(machine_bytes("MemTotal: many"), None);
        assert!(memory_limit() > 0);
    }
}
