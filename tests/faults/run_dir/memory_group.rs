//! A control group with little memory.

use std::fs;
use std::path::{Path, PathBuf};

/// A control group with a memory limit; dropping it removes it.
pub(super) struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// Creates it; fails the test if that is not allowed.
    #[track_caller]
    pub(super) fn new(name: &str, limit_bytes: u64) -> Self {
        let mount = Path::new("/sys/fs/cgroup");
        let (parent, limit) = match mount.join("memory").is_dir() {
            true => (mount.join("memory"), "memory.limit_in_bytes"),
            false => (mount.to_owned(), "memory.max"),
        };
        let group = Self(parent.join(format!("iac-test-{}-{name}", std::process::id())));
        fs::create_dir(&group.0).expect("a control group; run the tests as root");
        fs::write(group.0.join(limit), limit_bytes.to_string()).expect("a limit");
        group
    }

    /// Returns a script that moves itself into the group and runs the program that follows it.
    pub(super) fn entrance(&self) -> String {
        format!("echo $$ >{}/cgroup.procs && exec \"$@\"", self.0.display())
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Fails while a process of the test is still ending there.
        let _ = fs::remove_dir(&self.0);
    }
}
