//! Asks a run to stop, and asks again if the request did not reach it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::Canceller;
use crate::session::machine::state::Stop;

/// First and longest pause before a run is asked again; the pause doubles from one to the other.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// When to repeat a stop that did not reach the run.
#[derive(Debug, Default)]
pub(crate) struct AskAgain {
    failures: u32,
    at: Option<Instant>,
    /// The last error.
    why: String,
}

impl AskAgain {
    /// Records that a stop did not reach the run; returns whether the error is new.
    pub(crate) fn note(&mut self, why: &str) -> bool {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.at = Some(Instant::now() + pause.min(LONGEST_PAUSE));
        self.failures += 1;
        let is_news = self.why != why;
        why.clone_into(&mut self.why);
        is_news
    }

    /// Waits until the next attempt is due, once.
    pub(crate) async fn is_due(&mut self) {
        match self.at {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
        self.at = None;
    }
}

pub(crate) fn request_stop(canceller: &Canceller, wanted: Stop) {
    match wanted {
        Stop::Cancel => canceller.cancel(),
        Stop::Force => canceller.force(),
    }
}

/// Waits until the session has to stop harder than in the last stop that was given.
pub(crate) async fn harder(stop: &mut watch::Receiver<Option<Stop>>, given: Option<Stop>) -> Stop {
    match stop.wait_for(|wanted| *wanted > given).await.map(|it| *it) {
        Ok(Some(wanted)) => wanted,
        // No sender is left that could ask for a stop.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}
