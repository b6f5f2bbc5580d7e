//! Time limits for a test's calls: one that hangs fails its test, not the whole run.

use std::io::Read;
use std::panic::resume_unwind;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Longer than any of these calls takes on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(600);

const PAUSE: Duration = Duration::from_millis(5);

/// Runs a command to its end, without stdin, and returns its output.
///
/// Kills it and fails the test if it takes longer than [`BOUND`].
#[track_caller]
pub(crate) fn output_of(command: &mut Command) -> Output {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|fault| panic!("{command:?} does not start: {fault}"));
    let stdout = child.stdout.take().expect("a pipe");
    let stderr = child.stderr.take().expect("a pipe");
    let readers = [read_on_a_thread(stdout), read_on_a_thread(stderr)];
    let status = end_of(&mut child);
    let [stdout, stderr] = readers.map(|reader| joined("the end of its output", reader));
    Output {
        status,
        stdout,
        stderr,
    }
}

/// Waits for the end of a child; kills it and fails the test if it takes longer than [`BOUND`].
#[track_caller]
pub(crate) fn end_of(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + BOUND;
    loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            return status;
        }
        if Instant::now() >= deadline {
            // It was not waited for, so its process id is still its own.
            let _ = child.kill();
            let _ = child.wait();
            panic!("child {} did not end within {BOUND:?}", child.id());
        }
        thread::sleep(PAUSE);
    }
}

/// Runs a call that may block in a separate thread; fails the test if it takes longer than [`BOUND`].
#[allow(dead_code, reason = "not every suite makes such calls")]
#[track_caller]
pub(crate) fn in_time<T: Send + 'static>(
    what: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    joined(what, thread::spawn(work))
}

fn read_on_a_thread(mut from: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a readable pipe");
        bytes
    })
}

#[track_caller]
fn joined<T>(what: &str, thread: thread::JoinHandle<T>) -> T {
    let deadline = Instant::now() + BOUND;
    while !thread.is_finished() {
        assert!(
            Instant::now() < deadline,
            "waited {BOUND:?} in vain for {what}"
        );
        thread::sleep(PAUSE);
    }
    thread.join().unwrap_or_else(|panic| resume_unwind(panic))
}
