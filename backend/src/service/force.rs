//! Cancel by force.

use super::decide::refused;
use super::{DecisionError, Service};
use crate::auth::Caller;
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
        let session = self.session_by_now(deployment).await?;
        let done = session.force_cancel(&caller.name).await;
        done.map_err(|fault| refused(&session, fault))
    }
}
