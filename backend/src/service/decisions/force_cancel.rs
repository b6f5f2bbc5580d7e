//! Force-cancel.

use super::intent::Stopped;
use super::refused;
use crate::service::{DecisionError, Service};
use crate::store::{Deployment, NewAuditEntry};

impl Service {
    /// Cancels a deployment at once.
    ///
    /// Waits for the session of a deployment that was claimed a moment ago: a stop remembered for its session would be
    /// graceful, which is not what the caller asked for.
    pub(crate) async fn force_cancel(
        &self,
        deployment: &Deployment,
        entry: &NewAuditEntry,
    ) -> Result<(), DecisionError> {
        if self.end_waiting(deployment, entry).await? {
            return Ok(());
        }
        let session = self.session_for(deployment).await?;
        let stop = async {
            match session.force_cancel(&entry.actor).await {
                Ok(()) => Ok(Stopped::BySession),
                Err(fault) => Err(refused(&session, fault)),
            }
        };
        self.stop_with_intent(entry, stop).await
    }
}
