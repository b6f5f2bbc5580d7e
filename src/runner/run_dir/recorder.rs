//! The supervisor's end of a record. Nothing here waits for the disk longer than [`DISK_PATIENCE`].

use std::io;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::claim::RunDirError;
use super::queue::{Claimed, Growing, Queue, Waited, WriterJob};
use super::result_file::{Outgoing, ResultOutput};
use super::{BUSY_PATIENCE, DISK_PATIENCE, Durability, OUTPUT, writer};
use crate::output::Matcher;
use crate::protocol::RunResult;

/// How long to wait for room at a time: orders are processed in between.
const SLICE: Duration = Duration::from_millis(5);
/// Stack of the writer, several times what it uses.
const STACK_BYTES: usize = 256 * 1024;

/// Whether a record accepts more output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// It does, or the record is no longer written.
    Free,
    /// The disk is slower than the tool prints.
    Full,
}

/// The record of the run that this process supervises.
#[derive(Debug)]
pub(crate) struct Recorder {
    queue: Arc<Queue>,
    /// The requested path, until it is claimed.
    wanted: PathBuf,
    claimed: OnceLock<PathBuf>,
    /// Masks paths in messages.
    matcher: Arc<Matcher>,
}

impl Recorder {
    /// Starts to claim a directory.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(
        path: &Path,
        durability: Durability,
        masked_request: String,
        matcher: Arc<Matcher>,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::new());
        let (of_writer, wanted) = (Arc::clone(&queue), path.to_owned());
        thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn(move || writer::run(&of_writer, &wanted, durability, &masked_request))?;
        Ok(Self {
            queue,
            wanted: path.to_owned(),
            claimed: OnceLock::new(),
            matcher,
        })
    }

    /// Waits until the directory is claimed; returns the socket on which orders arrive.
    pub(crate) fn claim(&self) -> Result<Option<UnixListener>, RunDirError> {
        let waited = self
            .queue
            .wait(BUSY_PATIENCE, |state| state.claimed.is_some());
        let claimed = self.queue.lock().claimed.take();
        match (waited, claimed) {
            (_, Some(Ok(Claimed { path, listener }))) => {
                let _ = self.claimed.set(path);
                Ok(listener)
            }
            (_, Some(Err(fault))) => Err(fault),
            (Waited::Done | Waited::Stuck, None) => Err(RunDirError::Hangs {
                path: self.wanted.clone(),
                limit: DISK_PATIENCE,
            }),
            (Waited::NotYet, None) => Err(RunDirError::Hangs {
                path: self.wanted.clone(),
                limit: BUSY_PATIENCE,
            }),
        }
    }

    fn path(&self) -> &Path {
        self.claimed.get().unwrap_or(&self.wanted)
    }

    /// Waits briefly for room; gives up a disk that hangs.
    pub(crate) fn room(&self) -> Room {
        match self.queue.wait(SLICE, |state| state.has_room()) {
            Waited::Done => Room::Free,
            Waited::NotYet => Room::Full,
            Waited::Stuck => {
                self.give_up_hanging();
                Room::Free
            }
        }
    }

    /// Stops writing the output: the memory cannot hold what the disk does not accept.
    pub(crate) fn give_up_slow(&self, backlog_bytes: u64) {
        let path = self.path().display();
        let reason = format!(
            "the disk of `{path}` is slower than the tool prints, and {backlog_bytes} bytes of output wait \
             in memory; the record of its output ends here, and the run continues"
        );
        self.queue.update(|state| state.give_up(reason));
    }

    fn give_up_hanging(&self) {
        let (path, seconds) = (self.path().display(), DISK_PATIENCE.as_secs());
        let reason = format!(
            "the disk of `{path}` has not answered for {seconds} s; the record of output and events ends \
             here, and the run continues"
        );
        self.queue.update(|state| state.give_up(reason));
    }

    /// Appends to `output.log`; returns whether it is still being written.
    pub(crate) fn output(&self, text: &str) -> bool {
        self.append(Growing::Output, text.as_bytes())
    }

    /// Appends a line to `events.ndjson`; returns whether it is still being written.
    pub(crate) fn event(&self, line: &[u8]) -> bool {
        self.append(Growing::Events, line)
    }

    fn append(&self, file: Growing, bytes: &[u8]) -> bool {
        let is_overfull = self.queue.lock().is_overfull();
        if is_overfull {
            self.give_up_hanging();
        }
        self.queue.update(|state| {
            let is_written = state.writes(file);
            if is_written {
                state.append(file, bytes);
            }
            is_written
        })
    }

    /// Returns whether `output.log` is being written.
    pub(crate) fn has_output(&self) -> bool {
        self.queue.lock().writes(Growing::Output)
    }

    /// Returns whether `events.ndjson` is being written.
    pub(crate) fn has_events(&self) -> bool {
        self.queue.lock().writes(Growing::Events)
    }

    /// Returns sentences about what could not be written, each only once.
    pub(crate) fn faults(&self) -> Vec<String> {
        let faults = std::mem::take(&mut self.queue.lock().faults);
        faults
            .iter()
            .map(|fault| self.matcher.mask(fault))
            .collect()
    }

    /// Waits until the whole output is written, and synced if required.
    pub(crate) fn finish_output(&self) {
        self.queue
            .update(|state| state.push(WriterJob::Sync(Growing::Output)));
        self.wait_until_idle();
    }

    /// Returns the file with the whole masked output, if there is one.
    pub(crate) fn output_file(&self) -> Option<PathBuf> {
        let state = self.queue.lock();
        (state.writes(Growing::Output) && state.is_in_place).then(|| self.path().join(OUTPUT))
    }

    /// Stops accepting orders on the socket.
    pub(crate) fn stop_listening(&self) {
        self.queue
            .update(|state| state.push(WriterJob::StopListening));
    }

    /// Writes the result, and waits for that as long as the disk makes progress.
    ///
    /// # Errors
    /// A sentence, if the file could not be written or its output is truncated.
    pub(crate) fn result(
        &self,
        frame: RunResult<()>,
        output: ResultOutput,
        tail: String,
    ) -> Result<(), String> {
        let outgoing = Box::new(Outgoing {
            frame,
            output,
            tail,
        });
        self.queue
            .update(|state| state.push(WriterJob::Result(outgoing)));
        loop {
            match self
                .queue
                .wait(DISK_PATIENCE, |state| state.result.is_some())
            {
                Waited::NotYet => {}
                Waited::Done => {
                    let written = self.queue.lock().result.take().unwrap_or(Ok(()));
                    return written.map_err(|fault| self.matcher.mask(&fault));
                }
                Waited::Stuck => break,
            }
        }
        self.give_up_hanging();
        Err(self.matcher.mask(&format!(
            "the disk of `{}` has not answered for {} s; the result is written there when it does",
            self.path().display(),
            DISK_PATIENCE.as_secs()
        )))
    }

    /// Closes the queue: no more jobs will come.
    pub(crate) fn close(&self) {
        self.queue.update(|state| {
            state.push(WriterJob::Sync(Growing::Events));
            state.is_closed = true;
        });
    }

    /// Waits for a hung disk, at most `at_most`, so that it gets the result when it responds again.
    pub(crate) fn linger(&self, at_most: Duration) {
        let deadline = std::time::Instant::now() + at_most;
        while std::time::Instant::now() < deadline {
            match self.queue.wait(SLICE, |state| state.is_idle()) {
                Waited::Done => return,
                Waited::NotYet => {}
                Waited::Stuck => thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    /// Waits until nothing is left to write, as long as the disk makes progress.
    fn wait_until_idle(&self) {
        loop {
            match self.queue.wait(DISK_PATIENCE, |state| state.is_idle()) {
                Waited::Done => return,
                Waited::NotYet => {}
                Waited::Stuck => return self.give_up_hanging(),
            }
        }
    }
}
