//! A control group (version 2) whose processes can be frozen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use super::waiting::{SOON, wait_for};

/// The group; dropping it thaws its processes and moves them back to the root group.
pub(crate) struct Freezer {
    root: PathBuf,
    group: PathBuf,
}

impl Freezer {
    /// Creates it; fails the test if that is not allowed, because a skipped test proves nothing.
    #[track_caller]
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = mounted_at().expect("cgroup2 is mounted somewhere");
        let group = root.join(format!("iac-test-{}-{count}", process::id()));
        fs::create_dir(&group).expect("a control group can be made; run the tests as root");
        Self { root, group }
    }

    /// Moves processes in; their later children follow.
    pub(crate) fn take(&self, pids: impl IntoIterator<Item = i32>) {
        for pid in pids {
            // An ended process does not need to be frozen.
            let _ = fs::write(self.group.join("cgroup.procs"), pid.to_string());
        }
    }

    /// Freezes all processes in it, and waits until they are frozen.
    #[track_caller]
    pub(crate) fn freeze(&self) {
        self.set("1");
        wait_for("the frozen group", SOON, || {
            let events = fs::read_to_string(self.group.join("cgroup.events")).ok()?;
            events.contains("frozen 1").then_some(())
        });
    }

    /// Lets them continue.
    pub(crate) fn thaw(&self) {
        self.set("0");
    }

    fn set(&self, value: &str) {
        fs::write(self.group.join("cgroup.freeze"), value).expect("the group is ours");
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        let _ = fs::write(self.group.join("cgroup.freeze"), "0");
        let pids = fs::read_to_string(self.group.join("cgroup.procs")).unwrap_or_default();
        for pid in pids.lines() {
            let _ = fs::write(self.root.join("cgroup.procs"), pid);
        }
        let _ = fs::remove_dir(&self.group);
    }
}

fn mounted_at() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|fields| fields.get(2) == Some(&"cgroup2"))
        .map(|fields| Path::new(fields[1]).to_owned())
}
