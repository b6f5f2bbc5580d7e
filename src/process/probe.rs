//! Runs short commands and collects their output, for processes without tokio.

use std::io::{self, Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use wait_timeout::ChildExt;

use super::memory::memory_file::memory_file;

/// Most bytes of output that are read.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;

/// The result of a short command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it wrote to stdout.
    pub output: String,
}

/// Runs a short command to its end, or kills it at the deadline, together with its process group.
///
/// Must not be used in a process that runs tokio: `wait-timeout` takes SIGCHLD for itself.
///
/// # Errors
/// The command cannot be started, or does not end in time.
pub fn probe(program: &Path, args: &[&str], deadline: Duration) -> io::Result<Probed> {
    // A file rather than a pipe: a grandchild that holds a pipe open would outlast the deadline.
    let mut output = memory_file("probe")?;
    let mut child = Command::new(program)
        .args(args)
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    let Some(status) = child.wait_timeout(deadline)? else {
        // It is not reaped yet, so its id is that of its group and of no other.
        killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL)?;
        child.wait()?;
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("did not end within {} s", deadline.as_secs()),
        ));
    };
    output.rewind()?;
    let mut bytes = Vec::new();
    output.take(MAX_OUTPUT_BYTES).read_to_end(&mut bytes)?;
    Ok(Probed {
        success: status.success(),
        output: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::thread;
    use std::time::Instant;

    use super::super::identity::{ProcessIdentity, Sighting};
    use super::*;

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let noted = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! >'{}'; wait", noted.display());
        let shell = Path::new("/bin/sh");
        let fault = probe(shell, &["-c", &script], Duration::from_secs(2)).unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
        let child: i32 = fs::read_to_string(&noted).unwrap().trim().parse().unwrap();
        // The signal takes a moment to arrive.
        let deadline = Instant::now() + Duration::from_secs(30);
        while ProcessIdentity::of(child).sighting() == Sighting::Alive {
            assert!(Instant::now() < deadline, "{child} is alive");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
