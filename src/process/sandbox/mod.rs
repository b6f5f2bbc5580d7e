//! Confines a tool and everything below it: Landlock for files and signals, seccomp for limits and
//! priorities, and fewer capabilities.
//!
//! The rules are prepared here, before the fork. Between fork and exec only system calls are made
//! ([`SandboxEntry::enter`]), since nothing else is safe there. They are made directly: there are only three, and a
//! library would have to guarantee that it takes no lock and allocates nothing.

mod capabilities;
mod landlock;
mod seccomp;
mod system_paths;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

pub use self::landlock::{Access, Granted, Ruleset, landlock_abi};
pub use self::system_paths::system_paths;

/// Earlier versions of Landlock allow no rename from one directory to another: no tool works.
pub const LANDLOCK_USABLE: u32 = 2;
/// The first version that can restrict TCP connections: Linux 6.7.
pub const LANDLOCK_TCP: u32 = 4;
/// Since this version, signals to processes outside are denied too.
pub const LANDLOCK_COMPLETE: u32 = 6;

/// The confinement of a tool.
#[derive(Debug)]
pub struct Sandbox {
    ruleset: OwnedFd,
    /// Kept open across exec, as long as any process of the run lives.
    held: Option<OwnedFd>,
}

impl Sandbox {
    /// Creates a sandbox from a ruleset; `held` stays open in every process of the run.
    pub fn new(ruleset: Ruleset, held: Option<OwnedFd>) -> Self {
        Self {
            ruleset: ruleset.into_fd(),
            held,
        }
    }

    /// Returns what the child needs of this sandbox; valid as long as the sandbox lives.
    pub(super) fn to_enter(&self) -> SandboxEntry {
        SandboxEntry {
            ruleset: self.ruleset.as_raw_fd(),
            held: self.held.as_ref().map(AsRawFd::as_raw_fd),
            filter: seccomp::filter(),
        }
    }
}

/// Descriptor numbers of a [`Sandbox`] and its filter, for use between fork and exec.
#[derive(Clone, Copy)]
pub(super) struct SandboxEntry {
    ruleset: RawFd,
    held: Option<RawFd>,
    filter: &'static [libc::sock_filter],
}

impl SandboxEntry {
    /// Confines this process permanently.
    ///
    /// Makes only system calls, so it may be called between fork and exec.
    ///
    /// # Errors
    /// The kernel refuses any part; the program must not be started then.
    pub(super) fn enter(self) -> io::Result<()> {
        if let Some(held) = self.held {
            // SAFETY: changes the flags of a descriptor that the parent keeps open until the child has called exec.
            if unsafe { libc::fcntl(held, libc::F_SETFD, 0) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        capabilities::drop_all_but_file_access()?;
        landlock::restrict_this_thread(self.ruleset)?;
        seccomp::forbid(self.filter)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::{Command, Output};

    use super::*;

    /// Runs a shell script that may read the system and write `folder`.
    fn confined(folder: &Path, script: &str) -> Output {
        let abi = landlock_abi().expect("a kernel with Landlock");
        let ruleset = Ruleset::new(abi).unwrap();
        for path in ["/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"] {
            ruleset.allow(Path::new(path), Access::Read).unwrap();
        }
        ruleset
            .allow(Path::new("/dev/null"), Access::Write)
            .unwrap();
        assert_eq!(
            ruleset.allow(folder, Access::Write).unwrap(),
            Granted::Directory
        );
        let held = File::open(folder).unwrap();
        let sandbox = Sandbox::new(ruleset, Some(held.into()));
        let entry = sandbox.to_enter();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).current_dir(folder);
        // SAFETY: `enter` makes only system calls, and `sandbox` lives until the command has ended.
        unsafe { command.pre_exec(move || entry.enter()) };
        command.output().unwrap()
    }

    fn succeeds(folder: &Path, script: &str) -> bool {
        confined(folder, script).status.success()
    }

    #[test]
    fn only_granted_paths_are_within_reach() {
        let root = tempfile::tempdir().unwrap();
        let (inside, outside) = (root.path().join("in"), root.path().join("out"));
        for folder in [&inside, &outside] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("file"), "text").unwrap();
        }
        let table = [
            ("cat file", true),
            ("echo x >new && mv new other && rm other", true),
            (
                "mkdir a b && mv file a/ && mv a/file b/ && mv b/file .",
                true,
            ),
            ("mkfifo pipe && rm pipe", true),
            ("cat ../out/file", false),
            ("echo x >>../out/file", false),
            ("ls ../out", false),
            ("ln ../out/file hard", false),
            ("ln -s ../out/file soft && cat soft", false),
            ("mv ../out/file stolen", false),
            ("rm ../out/file", false),
            ("mkdir ../new", false),
            ("/bin/sh -c 'cat ../out/file'", false),
            ("mknod block b 8 0", false),
            ("mount -t tmpfs none /mnt", false),
        ];
        for (script, succeeded) in table {
            let output = confined(&inside, script);
            assert_eq!(output.status.success(), succeeded, "{script}: {output:?}");
        }
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "text");
    }

    #[test]
    fn a_process_outside_can_be_neither_signalled_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::process::id();
        for script in [
            format!("kill -0 {own}"),
            format!("cat /proc/{own}/environ"),
            format!("cat /proc/{own}/cmdline"),
            format!("ls /proc/{own}/fd"),
            format!("cat /proc/{own}/root/etc/hostname"),
            format!("prlimit --pid {own} --cpu=1000000:1000000"),
            format!("renice -n 5 -p {own}"),
            "renice -n 5 -u 0".to_owned(),
            format!("chrt --idle --pid 0 {own}"),
            format!("taskset --pid 1 {own}"),
            format!("ionice -c 3 -p {own}"),
        ] {
            assert!(!succeeds(folder.path(), &script), "{script}");
        }
        assert!(succeeds(folder.path(), "sleep 60 & kill $!"));
        assert!(succeeds(
            folder.path(),
            "ulimit -t 1000000 && nice -n 5 ionice -c 3 taskset 1 true"
        ));
    }

    #[test]
    fn the_held_file_reaches_what_is_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let script = format!("readlink /proc/self/fd/* | grep -qx '{path}'");
        // The shell needs the directory to expand the names, so the script lists each number.
        let script = script.replace("/proc/self/fd/*", "$(seq -f /proc/self/fd/%g 3 30)");
        let output = confined(folder.path(), &script);
        assert!(output.status.success(), "{output:?}");
    }

    #[test]
    fn no_capability_is_left_but_that_for_files() {
        const FILE_ACCESS: u64 = 1 << 1;
        let folder = tempfile::tempdir().unwrap();
        // `setpriv` asks the kernel, not `/proc`.
        let output = confined(folder.path(), "setpriv --dump");
        let dump = String::from_utf8(output.stdout).unwrap();
        assert!(dump.contains("no_new_privs: 1"), "{dump}");
        for line in dump.lines() {
            for set in ["Effective capabilities: ", "Inheritable capabilities: "] {
                if let Some(left) = line.strip_prefix(set) {
                    assert!(["[none]", "dac_override"].contains(&left), "{line}");
                }
            }
        }
        assert_eq!(capabilities::KEPT, FILE_ACCESS);
    }
}
