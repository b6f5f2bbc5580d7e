//! Tells when somebody has written to a file.

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

/// How often a file that grows is looked at when the kernel does not tell and somebody waits for its lines.
const POLL: Duration = Duration::from_millis(4);
/// How seldom one is that does not grow: each look that finds nothing new doubles the time to the next one.
const QUIET_POLL: Duration = Duration::from_millis(16);
/// The same when nobody does.
const LAZY_POLL: Duration = Duration::from_millis(50);
/// How often it is looked at when the kernel tells, in case it once does not.
const SAFETY_POLL: Duration = Duration::from_secs(1);
/// How long a file is polled before the kernel is asked.
///
/// Closing a watch waits for all processors to pass a point of rest: 3 to 15 ms were measured, many
/// times what a short command costs. A run that is over within this time does without.
const SHORT_RUN: Duration = Duration::from_secs(1);

/// Whether somebody waits for what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody does: tell within milliseconds.
    Followed,
    /// Nobody does.
    Unfollowed,
}

/// Watches one file for writes.
///
/// A user has 128 inotify instances by default; without a free one the file is polled on.
#[derive(Debug)]
pub struct FileWatch {
    path: PathBuf,
    since: Instant,
    /// The length at the last look, and how long to wait for the next one.
    looked: Cell<(u64, Duration)>,
    inotify: OnceCell<Option<AsyncFd<File>>>,
}

impl FileWatch {
    /// Watches the file behind an open descriptor, also one that is in no directory.
    ///
    /// The kernel only tells of writes through a descriptor that was opened by path (Linux 6.14 and
    /// later keep silent about others), see [`super::reopen_for_append`].
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

    /// Whether the kernel would tell of changes just now.
    pub fn is_available() -> bool {
        Inotify::init(InitFlags::IN_CLOEXEC).is_ok()
    }

    /// Returns when there may be something new. May be dropped and called again.
    pub async fn changed(&self, urgency: Urgency) {
        match self.inotify.get() {
            None if self.since.elapsed() < SHORT_RUN => sleep(self.pause(urgency)).await,
            // What was written before the watch began is not told of: it is there already.
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
        // SAFETY: a `File` owns its descriptor and gives the same one for as long as it lives.
        unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }.ok()
    }
}

/// Returns when the kernel tells of a write.
async fn told_by(watch: &AsyncFd<File>) {
    tokio::select! {
        guard = watch.readable() => {
            if let Ok(mut guard) = guard {
                // What the events say is of no interest, only that they came.
                let mut events = [0; 1024];
                while watch.get_ref().read(&mut events).is_ok_and(|len| len > 0) {}
                guard.clear_ready();
            }
        }
        () = sleep(SAFETY_POLL) => {}
    }
}
