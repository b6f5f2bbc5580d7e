//! A child that is always reaped.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::thread;

/// What happens to the child when its owner is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDrop {
    /// It ends by itself: it owns a run.
    LeftToEnd,
    /// It is killed: it only reads the events of a run.
    Killed,
}

/// Owns a child and makes sure that it is reaped, also if the owner is dropped.
///
/// Once a thread waits for the child, no other code can signal it: the kernel may reuse its process id.
#[derive(Debug)]
pub(crate) struct ReapedChild {
    child: Option<Child>,
    on_drop: OnDrop,
}

impl ReapedChild {
    pub(crate) const fn new(child: Child, on_drop: OnDrop) -> Self {
        Self {
            child: Some(child),
            on_drop,
        }
    }

    pub(crate) const fn child(&mut self) -> Option<&mut Child> {
        self.child.as_mut()
    }

    /// Kills and reaps the child.
    pub(crate) fn kill(mut self) {
        self.on_drop = OnDrop::Killed;
    }

    /// Reaps the child on a thread of its own and reports its exit status.
    pub(crate) fn reap(mut self, tell: impl FnOnce(io::Result<ExitStatus>) + Send + 'static) {
        if let Some(child) = self.child.take() {
            reap(child, tell);
        }
    }
}

impl Drop for ReapedChild {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        if self.on_drop == OnDrop::Killed {
            // It has not been reaped, so the process id is still its own. It may have ended, and then there is
            // nothing to do.
            let _ = child.kill();
        }
        reap(child, |_| {});
    }
}

/// Waits for a child without blocking the caller.
pub(crate) fn reap(mut child: Child, tell: impl FnOnce(io::Result<ExitStatus>) + Send + 'static) {
    if let Ok(Some(status)) = child.try_wait() {
        return tell(Ok(status));
    }
    // If the thread cannot be started, the values for the channel are not lost.
    let (give, taken) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("iac-runner-reap".to_owned())
        .spawn(move || {
            if let Ok((child, tell)) = taken.recv() {
                wait(child, tell);
            }
        });
    match thread {
        // The thread waits for exactly this value.
        Ok(_) => drop(give.send((child, tell))),
        Err(fault) => tell(Err(fault)),
    }
}

fn wait(mut child: Child, tell: impl FnOnce(io::Result<ExitStatus>)) {
    tell(child.wait());
}
