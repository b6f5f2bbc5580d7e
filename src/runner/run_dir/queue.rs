//! The queue of pending writes, and the progress of the writer.

use std::collections::VecDeque;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::claim::RunDirError;
use super::disk_activity::DiskActivity;
use super::result_file::Outgoing;
use super::{BUSY_PATIENCE, DISK_PATIENCE};

/// Most bytes that wait to be written; a producer with more waits.
const MAX_WAITING_BYTES: usize = 128 * 1024;
/// The queue never reaches this many bytes, unless the disk hangs.
const MAX_WAITING_BYTES_EVER: usize = 4 * MAX_WAITING_BYTES;
/// Buffers that are kept for reuse.
const MAX_SPARE_BUFFERS: usize = 3;
/// Most bytes that one job appends.
const MAX_JOB_BYTES: usize = 64 * 1024;
/// Additional time for a step that has taken too long: this process itself may have been stopped meanwhile, and the
/// disk may be fine, or busy with writes of others.
const CONFIRMATION: Duration = Duration::from_secs(1);

/// A file of the record that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Growing {
    /// `output.log`
    Output,
    /// `events.ndjson`
    Events,
}

/// One step of the writer.
#[derive(Debug)]
pub(super) enum WriterJob {
    /// Appends to a file.
    Append(Growing, Vec<u8>),
    /// Makes a file as durable as the record has to be.
    Sync(Growing),
    /// Removes the socket.
    StopListening,
    /// Writes `result.json`.
    Result(Box<Outgoing>),
}

impl WriterJob {
    const fn bytes(&self) -> usize {
        match self {
            Self::Append(_, bytes) => bytes.len(),
            Self::Sync(_) | Self::StopListening | Self::Result(_) => 0,
        }
    }

    /// Returns whether the job is still useful after the log and the events were given up.
    const fn outlives_the_log(&self) -> bool {
        match self {
            Self::StopListening | Self::Result(_) => true,
            Self::Append(..) | Self::Sync(_) => false,
        }
    }
}

/// The claimed directory.
#[derive(Debug)]
pub(super) struct Claimed {
    /// The directory, as an absolute path without links.
    pub(super) path: PathBuf,
    pub(super) listener: Option<UnixListener>,
}

/// Shared by the supervisor and the writer; neither waits for the disk while holding its lock.
#[derive(Debug)]
pub(super) struct QueueStatus {
    jobs: VecDeque<WriterJob>,
    waiting_bytes: usize,
    /// When the writer last made progress on its current job.
    busy_since: Option<Instant>,
    /// Since when that job has taken too long without visible progress.
    stuck_since: Option<Instant>,
    /// When the writer's current step began.
    step_since: Instant,
    disk: Option<DiskActivity>,
    spare: Vec<Vec<u8>>,
    /// Whether no more jobs will come.
    pub(super) is_closed: bool,
    pub(super) claimed: Option<Result<Claimed, RunDirError>>,
    has_output: bool,
    has_events: bool,
    /// Whether the directory is still where it was claimed.
    pub(super) is_in_place: bool,
    /// The outcome of writing the result.
    pub(super) result: Option<Result<(), String>>,
    /// Warnings that have not been reported yet.
    pub(super) faults: Vec<String>,
}

/// The queue.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<QueueStatus>,
    /// Notified when there is work for the writer.
    work: Condvar,
    /// Notified when the writer has made progress.
    progress: Condvar,
}

/// The outcome of waiting for the writer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    Done,
    /// The time limit expired.
    NotYet,
    /// One step has taken longer than [`DISK_PATIENCE`].
    Stuck,
}

impl Queue {
    /// Creates an empty queue for a writer that begins with the claim.
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(QueueStatus {
                jobs: VecDeque::new(),
                waiting_bytes: 0,
                busy_since: Some(Instant::now()),
                stuck_since: None,
                step_since: Instant::now(),
                disk: None,
                spare: Vec::new(),
                is_closed: false,
                claimed: None,
                has_output: false,
                has_events: false,
                is_in_place: true,
                result: None,
                faults: Vec::new(),
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, QueueStatus> {
        // A panic ends the process, so no state is left inconsistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the waiters.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut QueueStatus) -> T) -> T {
        let changed = change(&mut self.lock());
        self.progress.notify_all();
        self.work.notify_all();
        changed
    }

    /// Waits for the next job; returns `None` at the end.
    pub(super) fn next(&self, done: Option<Vec<u8>>) -> Option<WriterJob> {
        let mut state = self.lock();
        state.busy_since = None;
        if let Some(buffer) = done
            && state.spare.len() < MAX_SPARE_BUFFERS
        {
            state.spare.push(buffer);
        }
        self.progress.notify_all();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.waiting_bytes -= job.bytes();
                state.busy_since = Some(Instant::now());
                state.stuck_since = None;
                state.step_since = Instant::now();
                return Some(job);
            }
            if state.is_closed {
                return None;
            }
            state = self
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Records progress of the writer within a long job.
    pub(super) fn got_on(&self) {
        let mut state = self.lock();
        state.busy_since = Some(Instant::now());
        state.step_since = Instant::now();
    }

    /// From here on, watches whether the disk of a directory, or of its future parent, makes progress.
    pub(super) fn watch_disk(&self, path: &Path) {
        let disk = DiskActivity::of(path);
        self.lock().disk = disk;
    }

    /// Waits for the writer, at most `at_most`, and only while it makes progress.
    pub(super) fn wait(&self, at_most: Duration, is_done: impl Fn(&QueueStatus) -> bool) -> Waited {
        let deadline = Instant::now() + at_most;
        let mut state = self.lock();
        loop {
            if is_done(&state) {
                return Waited::Done;
            }
            let now = Instant::now();
            let pause = match state.stuck_in(now) {
                Some(Duration::ZERO) if state.is_only_busy(now) => continue,
                Some(Duration::ZERO) => return Waited::Stuck,
                _ if deadline <= now => return Waited::NotYet,
                Some(left) => left.min(deadline - now),
                None => deadline - now,
            };
            state = self
                .progress
                .wait_timeout(state, pause)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl QueueStatus {
    /// Returns whether all requested work is done.
    pub(super) fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.busy_since.is_none()
    }

    /// Returns whether the writer has progressed so far that there is room for more output.
    pub(super) const fn has_room(&self) -> bool {
        self.waiting_bytes < MAX_WAITING_BYTES
    }

    /// Returns whether the queue exceeds its absolute limit.
    pub(super) const fn is_overfull(&self) -> bool {
        self.waiting_bytes >= MAX_WAITING_BYTES_EVER
    }

    /// Returns how long until the writer counts as stuck; `None` while it has nothing to do.
    fn stuck_in(&mut self, now: Instant) -> Option<Duration> {
        let since = self.busy_since?;
        let left = (since + DISK_PATIENCE).saturating_duration_since(now);
        if left > Duration::ZERO {
            self.stuck_since = None;
            return Some(left);
        }
        let stuck_since = *self.stuck_since.get_or_insert_with(|| {
            if let Some(disk) = &mut self.disk {
                // Progress counts from here on.
                disk.has_moved();
            }
            now
        });
        Some((stuck_since + CONFIRMATION).saturating_duration_since(now))
    }

    /// Returns whether a seemingly stuck disk has completed writes meanwhile: then its time starts again.
    fn is_only_busy(&mut self, now: Instant) -> bool {
        let has_moved = self.disk.as_mut().is_some_and(DiskActivity::has_moved);
        let may_take_longer = now.duration_since(self.step_since) < BUSY_PATIENCE;
        if has_moved && may_take_longer {
            self.busy_since = Some(now);
            self.stuck_since = None;
        }
        has_moved && may_take_longer
    }

    /// Records that there is no record to write.
    pub(super) fn refuse(&mut self, fault: RunDirError) {
        self.claimed = Some(Err(fault));
        self.jobs.clear();
        self.busy_since = None;
    }

    /// Returns whether a file is being written.
    pub(super) const fn writes(&self, file: Growing) -> bool {
        match file {
            Growing::Output => self.has_output,
            Growing::Events => self.has_events,
        }
    }

    pub(super) const fn set_written(&mut self, file: Growing, is_written: bool) {
        match file {
            Growing::Output => self.has_output = is_written,
            Growing::Events => self.has_events = is_written,
        }
    }

    pub(super) fn push(&mut self, job: WriterJob) {
        self.waiting_bytes += job.bytes();
        self.jobs.push_back(job);
    }

    /// Appends to a file, to a waiting job of the same file if possible.
    pub(super) fn append(&mut self, file: Growing, bytes: &[u8]) {
        self.waiting_bytes += bytes.len();
        if let Some(waiting) = self.buffer_to_append_to(file)
            && waiting.len() + bytes.len() <= MAX_JOB_BYTES
        {
            waiting.extend_from_slice(bytes);
            return;
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        self.jobs.push_back(WriterJob::Append(file, buffer));
    }

    /// Returns the buffer of the last job that appends to a file. Output may be written before earlier events, but an
    /// event never before the output that it refers to.
    fn buffer_to_append_to(&mut self, file: Growing) -> Option<&mut Vec<u8>> {
        self.jobs
            .iter_mut()
            .rev()
            .map_while(|job| match (job, file) {
                (WriterJob::Append(Growing::Output, _), Growing::Events)
                | (WriterJob::Sync(_) | WriterJob::StopListening | WriterJob::Result(_), _) => None,
                (WriterJob::Append(of, buffer), _) => Some((*of, buffer)),
            })
            .find_map(|(of, buffer)| (of == file).then_some(buffer))
    }

    /// Stops writing log and events, for a reason that is reported once.
    pub(super) fn give_up(&mut self, reason: String) {
        if self.has_output || self.has_events {
            self.faults.push(reason);
        }
        self.has_output = false;
        self.has_events = false;
        self.jobs.retain(WriterJob::outlives_the_log);
        self.waiting_bytes = 0;
        self.spare.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_is_stuck_only_when_it_is_seen_not_to_get_on() {
        let queue = Queue::new();
        let mut state = queue.lock();
        let began = Instant::now();
        state.busy_since = Some(began);
        let late = began + 3 * DISK_PATIENCE;
        assert_eq!(state.stuck_in(began), Some(DISK_PATIENCE));
        // This process may have been stopped until now.
        assert_eq!(state.stuck_in(late), Some(CONFIRMATION));
        state.busy_since = Some(late);
        assert_eq!(state.stuck_in(late), Some(DISK_PATIENCE));
        let later = late + DISK_PATIENCE;
        assert_eq!(state.stuck_in(later), Some(CONFIRMATION));
        assert_eq!(state.stuck_in(later + CONFIRMATION), Some(Duration::ZERO));
        assert!(!state.is_only_busy(later), "nothing tells of its disk");
        state.busy_since = None;
        assert_eq!(state.stuck_in(later), None, "it has nothing to do");
    }

    #[test]
    fn a_disk_that_completes_writes_has_more_time_but_not_for_ever() {
        let stat = tempfile::NamedTempFile::new().unwrap();
        let write =
            |writes: u32| std::fs::write(stat.path(), format!("0 0 0 0 {writes} 0")).unwrap();
        write(1);
        let queue = Queue::new();
        let mut state = queue.lock();
        let began = Instant::now();
        state.busy_since = Some(began);
        state.step_since = began;
        state.disk = Some(DiskActivity::in_file(stat.reopen().unwrap()));
        // Writes completed before do not count.
        write(2);
        let late = began + DISK_PATIENCE;
        assert_eq!(state.stuck_in(late), Some(CONFIRMATION));
        assert!(!state.is_only_busy(late + CONFIRMATION));
        write(3);
        assert!(state.is_only_busy(late + CONFIRMATION));
        let again = late + CONFIRMATION;
        assert_eq!(state.stuck_in(again), Some(DISK_PATIENCE));
        write(4);
        assert!(!state.is_only_busy(began + BUSY_PATIENCE));
    }

    #[test]
    fn what_is_given_up_makes_room_and_leaves_the_result() {
        let queue = Queue::new();
        let mut state = queue.lock();
        state.set_written(Growing::Output, true);
        let piece = vec![b'x'; MAX_JOB_BYTES];
        while state.has_room() {
            state.append(Growing::Output, &piece);
        }
        assert!(!state.is_overfull());
        state.push(WriterJob::StopListening);
        for _ in 0..2 {
            state.give_up("a reason".to_owned());
        }
        assert!(state.has_room() && !state.writes(Growing::Output));
        assert_eq!(state.faults, ["a reason"]);
        assert!(matches!(
            state.jobs.pop_front(),
            Some(WriterJob::StopListening)
        ));
        assert!(state.jobs.is_empty());
    }

    #[test]
    fn pieces_are_joined_but_no_event_is_written_before_its_output() {
        use Growing::{Events, Output};
        let queue = Queue::new();
        let mut state = queue.lock();
        let full = "x".repeat(MAX_JOB_BYTES);
        for (file, text) in [
            (Output, "a"),
            (Events, "1"),
            (Output, "b"),
            (Events, "2"),
            (Output, &full),
            (Output, "c"),
            (Events, "3"),
        ] {
            state.append(file, text.as_bytes());
        }
        state.push(WriterJob::Sync(Output));
        state.append(Output, b"d");
        assert_eq!(state.waiting_bytes, 7 + MAX_JOB_BYTES);
        let jobs: Vec<_> = state
            .jobs
            .iter()
            .map(|job| match job {
                WriterJob::Append(file, text) => (Some(*file), str::from_utf8(text).unwrap()),
                _ => (None, ""),
            })
            .collect();
        let expected = [
            (Some(Output), "ab"),
            (Some(Events), "12"),
            (Some(Output), &*full),
            (Some(Output), "c"),
            (Some(Events), "3"),
            (None, ""),
            (Some(Output), "d"),
        ];
        assert!(jobs == expected);
    }
}
