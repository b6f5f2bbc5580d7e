//! Tells when somebody has written to a file.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

/// How often a file is looked at when the kernel does not tell.
const POLL: Duration = Duration::from_millis(5);
/// How often it is looked at when the kernel does, in case it once does not.
const SAFETY_POLL: Duration = Duration::from_secs(1);

/// Watches one file for writes.
///
/// A user has 128 inotify instances by default; without a free one the file is polled.
#[derive(Debug)]
pub struct FileWatch(Option<AsyncFd<File>>);

impl FileWatch {
    /// Watches the file behind an open descriptor, also one that is in no directory.
    ///
    /// Only writes through a descriptor that was opened by path are told of (Linux 6.14 and later
    /// keep silent about others), see [`super::reopen_for_append`].
    pub fn of(file: &File) -> Self {
        Self::at(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
    }

    /// Watches the file at a path.
    pub fn at(path: &Path) -> Self {
        Self(Self::by_inotify(path))
    }

    /// Whether the kernel would tell of changes just now.
    pub fn is_available() -> bool {
        Inotify::init(InitFlags::IN_CLOEXEC).is_ok()
    }

    fn by_inotify(path: &Path) -> Option<AsyncFd<File>> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
        inotify.add_watch(path, AddWatchFlags::IN_MODIFY).ok()?;
        let events = File::from(OwnedFd::from(inotify));
        // SAFETY: a `File` owns its descriptor and gives the same one for as long as it lives.
        unsafe { AsyncFd::register_with_interest(events, Interest::READABLE) }.ok()
    }

    /// Returns when there may be something new. May be dropped and called again.
    pub async fn changed(&self) {
        let Some(watch) = &self.0 else {
            return sleep(POLL).await;
        };
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
}
