//! Short commands whose output is wanted whole, for processes without tokio.

use std::io::{self, Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use wait_timeout::ChildExt;

use super::memory::memory_file;

/// Most output that is read back, in bytes.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;

/// What a short command printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// Whether it exited with 0.
    pub success: bool,
    /// What it wrote to stdout.
    pub output: String,
}

/// Runs a short command to its end, or ends it at the deadline.
///
/// Must not be used in a process that runs tokio: `wait-timeout` takes SIGCHLD for itself.
///
/// # Errors
/// When the command cannot be started, or does not end in time.
pub fn probe(program: &Path, args: &[&str], deadline: Duration) -> io::Result<Probed> {
    // A file and no pipe: a grandchild that holds a pipe open would outlast the deadline.
    let mut output = memory_file("probe")?;
    let mut child = Command::new(program)
        .args(args)
        .env("CHECKPOINT_DISABLE", "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(Stdio::null())
        .spawn()?;
    let Some(status) = child.wait_timeout(deadline)? else {
        child.kill()?;
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
