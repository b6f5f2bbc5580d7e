//! Cancel by force.

use super::decide::{Caller, refused};
use super::{DecisionError, Service};
use crate::store::Deployment;

impl Service {
    /// Ends a deployment at once.
    ///
    /// One that was claimed a moment ago and has no session is refused: a stop that is kept for its session would be a
    /// graceful one, and that is not what was asked for.
    pub(super) async fn force_cancel(
        &self,
        deployment: &Deployment,
        caller: &Caller,
    ) -> Result<(), DecisionError> {
        if self.end_waiting(deployment).await? {
            return Ok(());
        }
        // What waited a moment ago may have been claimed since.
        let found = self.store().deployment(deployment.id).await?;
        let session = self.session_for(found.as_ref().unwrap_or(deployment))?;
        let done = session.force_cancel(&caller.name).await;
        done.map_err(|fault| refused(&session, fault))
    }
}
