//! Inspects the processes of a checkout.

use std::fs;
use std::path::Path;

/// A process, with everything that others may read of it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) command_line: String,
    pub(crate) environment: String,
}

/// Returns the processes that git started for a checkout in this folder, found by the variable that keeps git from
/// searching above it.
pub(crate) fn of_checkout_in(folder: &Path) -> Vec<Process> {
    let wanted = format!("GIT_CEILING_DIRECTORIES={}", folder.display());
    fs::read_dir("/proc")
        .expect("/proc is readable")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| {
            let read = |name: &str| {
                let bytes = fs::read(format!("/proc/{pid}/{name}")).ok()?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            };
            Some(Process {
                pid,
                command_line: read("cmdline")?.replace('\0', " "),
                environment: read("environ")?,
            })
        })
        .filter(|process| {
            process
                .environment
                .split('\0')
                .any(|variable| variable == wanted)
        })
        .collect()
}
