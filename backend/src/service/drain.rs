//! The end of a service that takes everything with it which it started.
//!
//! On a machine, what runs is left to its supervisors. In a container, the end of the service is the end of all
//! processes in it, and an apply that is killed loses its state: there, the service goes last.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::Service;

/// Who cancels what does not end in time, for the log of the deployment.
pub(super) const STOP_OF_THE_SERVICE: &str = "the stop of the service";
/// How often it is looked whether something is at work.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What a session does after its tool was stopped: its state is read, its end is written down.
const MARGIN: Duration = Duration::from_secs(15);

impl Service {
    /// The longest time that [`Service::drain`] with this limit takes.
    pub fn stop_budget(&self, limit: Duration) -> Duration {
        limit.saturating_add(self.last_wait())
    }

    /// How long what was cancelled may take to end.
    fn last_wait(&self) -> Duration {
        self.parts.settings.grace.saturating_add(MARGIN)
    }

    /// Waits until nothing is at work any more and every end is written down, after [`Service::stop`]; what waits for
    /// an approval is not at work.
    ///
    /// What is at work after so long is cancelled gracefully, and then ends within its grace.
    pub async fn drain(&self, limit: Duration) {
        if self.parts.live.is_idle() {
            return;
        }
        info!(
            deployments = self.parts.live.at_work(),
            "waits for what is at work"
        );
        if timeout(limit, self.idle()).await.is_ok() {
            return;
        }
        for session in self.parts.live.sessions_at_work() {
            warn!(deployment = %session.id(), "did not end in time: it is cancelled");
            // Only what is over refuses, and that is as good.
            let _ = session.cancel(STOP_OF_THE_SERVICE).await;
        }
        if timeout(self.last_wait(), self.idle()).await.is_err() {
            warn!("drain timed out; leaving running deployments");
        }
    }

    async fn idle(&self) {
        while !self.parts.live.is_idle() {
            sleep(LOOK_EVERY).await;
        }
    }
}
