//! The processes of a run, and the machine that they run on.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Returns the process id of a run's supervisor.
pub(crate) fn supervisor(run_dir: &Path) -> Pid {
    let pid = fs::read_to_string(run_dir.join("supervisor.pid")).expect("a supervisor");
    Pid::from_raw(pid.trim().parse().expect("a process id"))
}

/// Returns the parent of a process.
pub(crate) fn parent(pid: Pid) -> Pid {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is alive");
    let (_, rest) = stat.rsplit_once(") ").expect("the name is in parentheses");
    let parent = rest
        .split(' ')
        .nth(1)
        .expect("the parent follows the state");
    Pid::from_raw(parent.parse().expect("a process id"))
}

/// Kills a process, as the kernel's OOM killer would.
pub(crate) fn kill_now(pid: Pid) {
    kill(pid, Signal::SIGKILL).expect("it was alive");
}

/// Returns the boot id of the machine.
pub(crate) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("the kernel tells");
    id.trim().to_owned()
}

/// An unrelated process in a directory; dropping it kills it.
pub(crate) struct Bystander(Child);

impl Bystander {
    pub(crate) fn in_directory(directory: &Path) -> Self {
        let sleeper = Command::new("sleep")
            .arg("3600")
            .current_dir(directory)
            .spawn();
        Self(sleeper.expect("it starts"))
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        // It was not waited for, so its process id is still its own.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
