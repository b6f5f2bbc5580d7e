//! Cancel by force.

use super::decide::refused;
use super::intent::Stopped;
use super::{DecisionError, Service};
use crate::store::{Deployment, NewAuditEntry};

impl Service {
    /// Ends a deployment at once.
    ///
    /// One that was claimed a moment ago and has no session is refused: a stop that is kept for its session would be a
    /// graceful one, and that is not what was asked for.
    pub(super) async fn force_cancel(
        &self,
        deployment: &Deployment,
        entry: &NewAuditEntry,
    ) -> Result<(), DecisionError> {
        if self.end_waiting(deployment, entry).await? {
            return Ok(());
        }
        let session = self.session_by_now(deployment).await?;
        let stop = async {
            match session.force_cancel(&entry.actor).await {
                Ok(()) => Ok(Stopped::BySession),
                Err(fault) => Err(refused(&session, fault)),
            }
        };
        self.stop_with_intent(entry, stop).await
    }
}
