//! The thread that writes a record, and the only one that waits for the disk.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::claim::{ClaimedDir, could_not};
use super::queue::{Claimed, Growing, Queue, QueueStatus, WriterJob};
use super::{CONTROL, Durability, EVENTS, OUTPUT};

/// How often the writer checks that the directory is still at its path.
const LOOK: Duration = Duration::from_secs(1);
/// How much is written before it is synced, if required: a larger sync would look like a hung disk.
const MAX_UNSYNCED_BYTES: usize = 64 * 1024 * 1024;

/// Claims a directory, then performs one job after the other until the queue is closed.
pub(super) fn run(queue: &Arc<Queue>, path: &Path, durability: Durability, request: &str) {
    queue.watch_disk(path);
    let mut claim = match ClaimedDir::make(path, durability, request) {
        Ok(claim) => claim,
        Err(fault) => return queue.update(|state| state.refuse(fault)),
    };
    queue.update(|state| {
        state.set_written(Growing::Output, claim.output.is_some());
        state.set_written(Growing::Events, claim.events.is_some());
        state.faults.append(&mut claim.warnings);
        state.claimed = Some(Ok(Claimed {
            path: claim.directory.path().to_owned(),
            listener: claim.listener.take(),
        }));
    });
    let mut writer = Writer {
        queue,
        claim,
        durability,
        looked: Instant::now(),
        unsynced_bytes: 0,
    };
    let mut done = None;
    while let Some(job) = queue.next(done.take()) {
        done = writer.execute(job);
    }
}

struct Writer<'a> {
    queue: &'a Queue,
    claim: ClaimedDir,
    durability: Durability,
    /// When the path of the directory was last checked.
    looked: Instant,
    unsynced_bytes: usize,
}

impl Writer<'_> {
    /// Performs one job, and returns its buffer.
    fn execute(&mut self, job: WriterJob) -> Option<Vec<u8>> {
        match job {
            WriterJob::Append(file, bytes) => {
                self.append(file, &bytes);
                return Some(bytes);
            }
            WriterJob::Sync(file) => {
                self.sync(file);
                self.look();
            }
            // It may never have existed.
            WriterJob::StopListening => drop(self.claim.directory.remove(CONTROL)),
            WriterJob::Result(outgoing) => {
                self.look();
                let got_on = || self.queue.got_on();
                let written = outgoing.write(&mut self.claim, self.durability, &got_on);
                self.queue.update(|state| state.result = Some(written));
            }
        }
        None
    }

    fn append(&mut self, what: Growing, bytes: &[u8]) {
        if self.looked.elapsed() >= LOOK {
            self.look();
        }
        let Some(file) = self.file(what) else {
            return;
        };
        if let Err(fault) = file.write_all(bytes) {
            return self.leave(what, &fault);
        }
        self.unsynced_bytes += bytes.len();
        if self.unsynced_bytes >= MAX_UNSYNCED_BYTES {
            self.sync(what);
        }
    }

    fn sync(&mut self, what: Growing) {
        self.unsynced_bytes = 0;
        let durability = self.durability;
        if let Some(file) = self.file(what)
            && let Err(fault) = durability.sync(file)
        {
            self.leave(what, &fault);
        }
    }

    const fn file(&mut self, what: Growing) -> &mut Option<File> {
        match what {
            Growing::Output => &mut self.claim.output,
            Growing::Events => &mut self.claim.events,
        }
    }

    /// Stops writing a file.
    fn leave(&mut self, what: Growing, fault: &std::io::Error) {
        *self.file(what) = None;
        let name = match what {
            Growing::Output => OUTPUT,
            Growing::Events => EVENTS,
        };
        let sentence = could_not("write", &self.claim.directory.path_of(name), fault);
        self.queue.update(|state| {
            state.set_written(what, false);
            state.faults.push(sentence);
        });
    }

    /// Detects that the directory was removed, moved or replaced.
    fn look(&mut self) {
        self.looked = Instant::now();
        // If it cannot be checked, it may still be at its path.
        if self.claim.directory.is_at_its_path().unwrap_or(true) {
            return;
        }
        let path = self.claim.directory.path().display();
        let sentence = format!(
            "`{path}` is not the run directory of this run any more: it was removed, moved or replaced; \
             the record is not found there, and the run continues"
        );
        self.queue.update(|state: &mut QueueStatus| {
            if std::mem::replace(&mut state.is_in_place, false) {
                state.faults.push(sentence);
            }
        });
    }
}
