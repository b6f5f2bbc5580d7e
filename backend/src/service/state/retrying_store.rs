//! Store calls that are repeated until they succeed.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::error;

use super::stop_signal::StopSignal;
use crate::causes::Causes;
use crate::store::{LeaseState, Store, StoreError};

/// Pause before a store call is repeated.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A pending answer of the store.
pub(crate) type StoreReply<'a> =
    Pin<Box<dyn Future<Output = Result<LeaseState, StoreError>> + Send + 'a>>;

/// This process no longer holds the deployment's lease, or stops and cannot tell.
pub(crate) struct Lost;

/// A store whose failed calls are repeated until the service stops.
#[derive(Clone)]
pub(crate) struct RetryingStore {
    store: Arc<dyn Store>,
    stop: StopSignal,
}

impl RetryingStore {
    pub(crate) fn new(store: Arc<dyn Store>, stop: StopSignal) -> Self {
        Self { store, stop }
    }

    /// Returns the store itself, for calls that are not repeated.
    pub(crate) fn inner(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// Repeats a call until it succeeds or the service stops.
    pub(crate) async fn until_answered<'a, T, A>(
        &'a self,
        call: impl Fn(&'a dyn Store) -> A + Send + Sync,
    ) -> Result<T, Lost>
    where
        A: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        loop {
            match call(self.store.as_ref()).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => error!(error = %Causes(&fault), "store did not answer"),
            }
            tokio::select! {
                () = self.stop.stopped() => return Err(Lost),
                () = tokio::time::sleep(AGAIN_AFTER) => {}
            }
        }
    }

    /// Repeats a call that needs a lease, as [`Self::until_answered`] does.
    pub(crate) async fn while_leased<'a>(
        &'a self,
        call: impl Fn(&'a dyn Store) -> StoreReply<'a> + Send + Sync,
    ) -> Result<(), Lost> {
        match self.until_answered(call).await? {
            LeaseState::Yes => Ok(()),
            LeaseState::Lost => Err(Lost),
        }
    }
}
