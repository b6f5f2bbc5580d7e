//! Ctrl-C: the first one cancels, a later one kills.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A second Ctrl-C sooner than this is impatience, not a decision; the runner itself counts the same way.
const IMPATIENCE: Duration = Duration::from_secs(2);

/// Meaning of a Ctrl-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Stop gracefully.
    Cancel,
    /// Kill.
    Force,
    /// Nothing new.
    Nothing,
}

/// Counts the Ctrl-C signals.
///
/// While this exists, Ctrl-C does not end the process.
#[derive(Debug)]
pub(crate) struct Interrupts {
    signal: Signal,
    first: Option<Instant>,
    was_forced: bool,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            signal: signal(SignalKind::interrupt())?,
            first: None,
            was_forced: false,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Meaning {
        if self.signal.recv().await.is_none() {
            // No more signals will come.
            std::future::pending::<()>().await;
        }
        self.meaning(Instant::now())
    }

    fn meaning(&mut self, now: Instant) -> Meaning {
        match self.first {
            None => {
                self.first = Some(now);
                Meaning::Cancel
            }
            Some(first) if !self.was_forced && now.duration_since(first) >= IMPATIENCE => {
                self.was_forced = true;
                Meaning::Force
            }
            Some(_) => Meaning::Nothing,
        }
    }
}
