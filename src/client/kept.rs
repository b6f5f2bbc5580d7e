//! A child that is always reaped.

use std::io;
use std::process::{Child, ExitStatus};
use std::sync::mpsc;
use std::thread;

/// What becomes of the child when nobody waits for it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnDrop {
    /// It ends by itself: it carries a run.
    LeftToEnd,
    /// It is killed: it only reads along.
    Killed,
}

/// Owns a child and sees to it that it is reaped, whatever happens to the owner.
///
/// From the moment a thread waits for the child, nobody else can signal it: its process id may go to a
/// stranger.
#[derive(Debug)]
pub(super) struct Kept {
    child: Option<Child>,
    on_drop: OnDrop,
}

impl Kept {
    pub(super) const fn new(child: Child, on_drop: OnDrop) -> Self {
        Self {
            child: Some(child),
            on_drop,
        }
    }

    pub(super) const fn child(&mut self) -> Option<&mut Child> {
        self.child.as_mut()
    }

    /// Kills and reaps the child.
    pub(super) fn kill(mut self) {
        self.on_drop = OnDrop::Killed;
    }

    /// Reaps the child on a thread of its own and passes its status on.
    pub(super) fn reap(mut self, tell: impl FnOnce(io::Result<ExitStatus>) + Send + 'static) {
        if let Some(child) = self.child.take() {
            reap(child, tell);
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        if self.on_drop == OnDrop::Killed {
            // It has not been reaped, so the process id is its own. It may have ended: nothing to do.
            let _ = child.kill();
        }
        reap(child, |_| {});
    }
}

/// Waits for a child without blocking the caller.
pub(super) fn reap(mut child: Child, tell: impl FnOnce(io::Result<ExitStatus>) + Send + 'static) {
    if let Ok(Some(status)) = child.try_wait() {
        return tell(Ok(status));
    }
    // What goes over the channel is not lost with a thread that cannot be started.
    let (give, taken) = mpsc::sync_channel(1);
    let thread = thread::Builder::new()
        .name("iac-runner-reap".to_owned())
        .spawn(move || {
            if let Ok((child, tell)) = taken.recv() {
                wait(child, tell);
            }
        });
    match thread {
        // The thread waits for exactly this.
        Ok(_) => drop(give.send((child, tell))),
        Err(fault) => tell(Err(fault)),
    }
}

fn wait(mut child: Child, tell: impl FnOnce(io::Result<ExitStatus>)) {
    tell(child.wait());
}
