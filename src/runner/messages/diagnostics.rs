//! Writes lines to stderr, best effort.
//!
//! Stderr may have no reader, or the disk behind it may be full. So a line that cannot be written at once waits in
//! a small queue. A line that does not fit into the queue is dropped and counted. A failure of stderr is not a
//! failure of the run.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use tokio::time::timeout;

use crate::process::{Output, write_now};

/// Most bytes that wait for stderr.
const MAX_QUEUED_BYTES: usize = 64 * 1024;
const PREFIX: &str = "iac-runner: ";

/// The queue of lines for stderr.
#[derive(Debug)]
pub(crate) struct Diagnostics<F = io::Stderr> {
    stderr: F,
    queue: Vec<u8>,
    /// Number of lines dropped since the last message about dropped lines.
    dropped: u64,
    /// Whether stderr had no room for the next bytes.
    is_blocked: bool,
    /// Created when there is something to wait for.
    waits: Option<Output>,
}

impl Diagnostics {
    /// Creates the queue for stderr of this process.
    pub(crate) fn stderr() -> Self {
        Self::to(io::stderr())
    }
}

impl<F: AsFd> Diagnostics<F> {
    const fn to(stderr: F) -> Self {
        Self {
            stderr,
            queue: Vec::new(),
            dropped: 0,
            is_blocked: false,
            waits: None,
        }
    }

    /// Writes one line as soon as stderr accepts it; never waits.
    pub(crate) fn write(&mut self, sentence: &str) {
        self.write_queued();
        let line = format!("{PREFIX}{sentence}\n");
        // After a dropped line, all further ones are dropped, up to the message with their number.
        if self.dropped == 0 && self.queue.len() + line.len() <= MAX_QUEUED_BYTES {
            self.queue.extend_from_slice(line.as_bytes());
            self.write_queued();
        } else {
            self.dropped += 1;
        }
    }

    /// Writes some of the queue; never returns if there is nothing to write. Cancel safe.
    pub(crate) async fn advance(&mut self) {
        if !self.is_blocked {
            return std::future::pending().await;
        }
        if self.waits.is_none() {
            self.waits = Output::of(self.stderr.as_fd()).ok();
        }
        let ready = match &self.waits {
            Some(stderr) => stderr.writable().await.is_ok(),
            None => false,
        };
        if ready {
            self.write_queued();
        } else {
            self.drop_queued();
        }
    }

    /// Writes the queue, within a time limit; the rest is lost.
    pub(crate) async fn flush(&mut self, at_most: Duration) {
        self.write_queued();
        let all = async {
            while self.is_blocked {
                self.advance().await;
            }
        };
        let _ = timeout(at_most, all).await;
    }

    /// Writes as much as stderr accepts now.
    fn write_queued(&mut self) {
        self.is_blocked = false;
        while !self.queue.is_empty() {
            match write_now(self.stderr.as_fd(), &self.queue) {
                Ok(len) => drop(self.queue.drain(..len)),
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return;
                }
                Err(_) => return self.drop_queued(),
            }
        }
        self.report_dropped();
    }

    fn report_dropped(&mut self) {
        if self.dropped > 0 {
            let line = format!("{PREFIX}{} diagnostics were dropped\n", self.dropped);
            match write_now(self.stderr.as_fd(), line.as_bytes()) {
                Ok(_) => self.dropped = 0,
                // If stderr fails, the next line tries again.
                Err(fault) => self.is_blocked = fault.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    fn drop_queued(&mut self) {
        self.is_blocked = false;
        let lines = memchr::memchr_iter(b'\n', &self.queue).count();
        self.dropped += lines as u64;
        self.queue.clear();
    }
}

/// Writes to stderr what it accepts now, for code that must not wait.
pub fn print_diagnostic(text: &str) {
    let mut bytes = text.as_bytes();
    while !bytes.is_empty() {
        match write_now(io::stderr().as_fd(), bytes) {
            Ok(len) => bytes = &bytes[len..],
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    /// Capacity of one buffer of a pipe; a pipe has 16 of them.
    const PAGE: usize = 4096;

    /// Writes `lines` lines, each of one page including its prefix and its end.
    fn say_many(diagnostics: &mut Diagnostics<impl AsFd>, lines: usize) {
        for _ in 0..lines {
            diagnostics.write(&"x".repeat(PAGE - PREFIX.len() - 1));
        }
    }

    #[tokio::test]
    async fn what_finds_no_room_is_dropped_and_counted() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut diagnostics = Diagnostics::to(writer);
        // The same number in the pipe as in the queue.
        say_many(&mut diagnostics, 16 + 16 + 10);
        diagnostics.flush(Duration::from_millis(1)).await;
        assert_eq!(diagnostics.dropped, 10);

        let mut read = vec![0; 64 * 1024];
        reader.read_exact(&mut read).unwrap();
        diagnostics.flush(Duration::from_millis(1)).await;
        assert_eq!(diagnostics.dropped, 10);
        reader.read_exact(&mut read).unwrap();
        diagnostics.flush(Duration::from_millis(1)).await;
        drop(diagnostics);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "iac-runner: 10 diagnostics were dropped\n");
    }

    #[tokio::test]
    async fn a_stderr_that_fails_takes_nothing_and_holds_nothing_up() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let full = File::options().write(true).open("/dev/full").unwrap();
        for stderr in [File::from(std::os::fd::OwnedFd::from(writer)), full] {
            let mut diagnostics = Diagnostics::to(stderr);
            say_many(&mut diagnostics, 100);
            diagnostics.flush(Duration::from_secs(10)).await;
            assert!(diagnostics.queue.is_empty());
        }
    }

    #[tokio::test]
    async fn a_reader_that_comes_late_gets_every_queued_line() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut diagnostics = Diagnostics::to(writer);
        say_many(&mut diagnostics, 30);
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).map(|_| text)
        });
        diagnostics.flush(Duration::from_secs(10)).await;
        drop(diagnostics);
        let text = reading.join().unwrap().unwrap();
        assert_eq!(text.lines().count(), 30);
        assert!(text.lines().all(|line| line.len() == PAGE - 1));
    }
}
