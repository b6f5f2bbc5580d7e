//! Notifies when a file was written to.

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, sleep};

/// Poll interval for a growing file if the kernel does not notify and a reader waits for its lines.
const POLL: Duration = Duration::from_millis(4);
/// Longest poll interval for a file that does not grow: each poll without new data doubles the interval.
const QUIET_POLL: Duration = Duration::from_millis(16);
/// Poll interval if no reader waits.
const LAZY_POLL: Duration = Duration::from_millis(50);
/// Poll interval if the kernel notifies, in case a notification is lost.
const SAFETY_POLL: Duration = Duration::from_secs(1);
/// How long a file is polled before inotify is used.
///
/// Closing a watch waits for all processors to pass a quiescent state: 3 to 15 ms were measured, many times the
/// cost of a short command. A run that ends within this time does without a watch.
const SHORT_RUN: Duration = Duration::from_secs(1);

/// Whether a reader waits for what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// A reader waits: notify within milliseconds.
    Followed,
    /// No reader waits.
    Unfollowed,
}

/// Watches one file for writes.
///
/// A user has 128 inotify instances by default; without a free one, polling continues.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    since: Instant,
    /// The length at the last poll, and the time until the next one.
    looked: Cell<(u64, Duration)>,
    inotify: OnceCell<Option<AsyncFd<File>>>,
}

impl FileWatch {
    /// Watches the file behind an open descriptor, even one without a directory entry.
    ///
    /// The kernel only reports writes through a descriptor that was opened by path (Linux 6.14 and later do not
    /// report others), see [`crate::process::reopen_for_append`].
    pub fn of(file: &File) -> Self {
        Self::at(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
    }

    /// Watches the file at a path.
    pub fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            since: Instant::now(),
            looked: Cell::new((0, POLL)),
            inotify: OnceCell::new(),
        }
    }

    /// Returns whether the kernel can currently report changes.
    pub fn is_available() -> bool {
        Inotify::init(InitFlags::IN_CLOEXEC).is_ok()
    }

    /// Returns when there may be new data. Cancel safe.
    pub async fn changed(&self, urgency: Urgency) {
        match self.inotify.get() {
            None if self.since.elapsed() < SHORT_RUN => sleep(self.pause(urgency)).await,
            // The kernel does not report writes from before the watch began: that data can already be read.
            None => drop(self.inotify.set(self.by_inotify())),
            Some(None) => sleep(self.pause(urgency)).await,
            Some(Some(watch)) => told_by(watch).await,
        }
    }

    fn pause(&self, urgency: Urgency) -> Duration {
        if urgency == Urgency::Unfollowed {
            return LAZY_POLL;
        }
        let len = std::fs::metadata(&self.path).map_or(0, |found| found.len());
        let pause = match self.looked.get() {
            (before, pause) if before == len => QUIET_POLL.min(pause * 2),
            _ => POLL,
        };
        self.looked.set((len, pause));
        pause
    }

    fn by_inotify(&self) -> Option<AsyncFd<File>> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        inotify
            .add_watch(&self.path, AddWatchFlags::IN_MODIFY)
            .ok()?;
        let events = File::from(OwnedFd::from(inotify));
        // SAFETY: a `File` owns its descriptor and returns the same one as long as it lives.
        unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }.ok()
    }
}

/// Returns when the kernel reports a write.
async fn told_by(watch: &AsyncFd<File>) {
    tokio::select! {
        guard = watch.readable() => {
            if let Ok(mut guard) = guard {
                // The contents of the events do not matter, only that they came.
                let mut events = [0; 1024];
                while watch.get_ref().read(&mut events).is_ok_and(|len| len > 0) {}
                guard.clear_ready();
            }
        }
        () = sleep(SAFETY_POLL) => {}
    }
}
