//! A memory cgroup with a limit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use super::waiting::{SOON, wait_for};

/// A memory cgroup below the one of the tests; dropping it removes it.
pub(crate) struct MemoryCgroup {
    folder: PathBuf,
    /// Name of the file with the number of OOM kills.
    counter: &'static str,
}

impl MemoryCgroup {
    /// Creates it; fails the test if that is not allowed, because a skipped test proves nothing.
    #[track_caller]
    pub(crate) fn new(limit_bytes: u64) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (parent, limit, counter) = parent();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("iac-test-{}-{number}", process::id()));
        fs::create_dir(&folder).unwrap_or_else(|fault| {
            panic!(
                "{} can't be made; run the tests as root: {fault}",
                folder.display()
            )
        });
        fs::write(folder.join(limit), limit_bytes.to_string()).expect("a limit that can be set");
        Self { folder, counter }
    }

    /// Returns a shell command that moves the shell into it.
    pub(crate) fn enter(&self) -> String {
        format!("echo $$ >'{}/cgroup.procs' && ", self.folder.display())
    }

    /// Returns how many of its processes the OOM killer has ended.
    #[track_caller]
    pub(crate) fn kills(&self) -> u64 {
        let table = fs::read_to_string(self.folder.join(self.counter)).expect("a counter");
        let kills = table
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill "));
        kills.expect("a line").trim().parse().expect("a number")
    }
}

impl Drop for MemoryCgroup {
    fn drop(&mut self) {
        // It can be removed once its last process is reaped.
        wait_for("the end of a cgroup", SOON, || {
            fs::remove_dir(&self.folder).is_ok().then_some(())
        });
    }
}

/// Returns the cgroup of this process, the file with its limit, and the file with its OOM kills.
fn parent() -> (PathBuf, &'static str, &'static str) {
    let cgroups = fs::read_to_string("/proc/self/cgroup").expect("/proc is readable");
    let path_of = |controllers: &str| {
        let line = cgroups
            .lines()
            .find_map(|line| line.split_once(controllers));
        line.map(|(_, path)| path.trim_start_matches('/').to_owned())
    };
    match path_of(":memory:") {
        Some(path) => (
            Path::new("/sys/fs/cgroup/memory").join(path),
            "memory.limit_in_bytes",
            "memory.oom_control",
        ),
        None => (
            Path::new("/sys/fs/cgroup").join(path_of("0::").expect("a cgroup")),
            "memory.max",
            "memory.events.local",
        ),
    }
}
