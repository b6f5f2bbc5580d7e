//! Paths that every confined program may read, on any distribution; missing ones are skipped.
//!
//! In directories that may also contain secrets (`/etc`, `/etc/ssl`, `/etc/ssh`, `/proc`), files are granted one by
//! one. Nothing in `/proc/PID` is granted: the command lines of other processes may contain secrets.

use std::path::Path;

use super::landlock::{Access, Ruleset};

/// Paths to read and execute.
const READ: [&str; 56] = [
    // Programs and libraries.
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ld-musl-x86_64.path",
    "/etc/ld-musl-aarch64.path",
    // Names of hosts, users and services.
    "/etc/resolv.conf",
    "/run/systemd/resolve",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/group",
    "/etc/extrausers/passwd",
    "/var/lib/extrausers/passwd",
    "/var/lib/extrausers/group",
    "/etc/services",
    "/etc/protocols",
    // Certificates, without private keys.
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
    "/var/lib/ca-certificates",
    "/etc/crypto-policies",
    // Configuration of programs that the tools start.
    "/etc/gitconfig",
    "/etc/ssh/ssh_config",
    "/etc/ssh/ssh_config.d",
    "/etc/ssh/ssh_known_hosts",
    // Time, language and the system's name.
    "/etc/localtime",
    "/etc/timezone",
    "/etc/os-release",
    // Files that language runtimes read about the machine.
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys",
    "/proc/uptime",
    "/proc/version",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
];

/// Devices to read and write.
const DEVICES: [&str; 6] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
];

/// Returns the paths that every confined program may read.
pub fn system_paths() -> impl Iterator<Item = &'static Path> {
    READ.iter().map(Path::new)
}

impl Ruleset {
    /// Grants what every program needs of the system; missing paths are not needed.
    pub fn allow_system(&self) {
        for path in READ {
            let _ = self.allow(Path::new(path), Access::Read);
        }
        for path in DEVICES {
            let _ = self.allow(Path::new(path), Access::Write);
        }
    }
}
