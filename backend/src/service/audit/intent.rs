//! Records decisions before they take effect.
//!
//! The audit trail first gets a pending entry, then the session is asked, and then the entry is settled. If the service
//! dies in between, the backfill settles the entry when the session is recovered, at the latest before the end of the
//! deployment is stored.

use std::time::Duration;

use iac_runner::session::SessionError;
use tokio::time::timeout;
use tracing::{error, warn};

use super::pending::{OwedEntry, PendingAudit};
use crate::causes::Causes;
use crate::service::DecisionError;
use crate::service::state::retrying_store::RetryingStore;
use crate::store::{NewAuditEntry, Settlement};

/// How long a stop waits for its entry to be written: it must be possible to stop a deployment when the store cannot
/// write.
const STOP_WAITS: Duration = Duration::from_secs(2);
/// How long a response waits for its entry to be settled; settling continues afterwards.
const SETTLED_WITHIN: Duration = Duration::from_secs(1);

/// How a stop was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The session has recorded it.
    BySession,
    /// There is no session yet; it is stopped as soon as it exists, by another process if need be.
    Remembered,
}

/// Carries out decisions, each with its audit entry.
#[derive(Clone)]
pub(crate) struct AuditIntents {
    store: RetryingStore,
    pending: PendingAudit,
}

impl AuditIntents {
    pub(crate) fn new(store: RetryingStore, pending: PendingAudit) -> Self {
        Self { store, pending }
    }

    /// Records a decision, then carries it out.
    ///
    /// # Errors
    /// The store cannot write, and nothing was done; or the error of the work.
    pub(crate) async fn carry_out(
        &self,
        entry: &NewAuditEntry,
        work: impl Future<Output = Result<(), DecisionError>>,
    ) -> Result<(), DecisionError> {
        let number = self.store.inner().intend(entry).await?;
        let done = work.await;
        if let Some(settlement) = settlement(&done) {
            self.settle_soon(number, settlement).await;
        }
        done
    }

    /// Carries out a stop after recording it or trying to: a store that cannot write must not prevent a stop.
    ///
    /// # Errors
    /// The error of the work.
    pub(crate) async fn carry_out_stop(
        &self,
        entry: &NewAuditEntry,
        work: impl Future<Output = Result<Stopped, DecisionError>>,
    ) -> Result<(), DecisionError> {
        let owed = entry.deployment.map(|id| self.pending.add(id));
        let (store, intended) = (self.store.clone(), entry.clone());
        let mut intending = tokio::spawn(async move { store.inner().intend(&intended).await });
        let waited = timeout(STOP_WAITS, &mut intending).await;
        let done = work.await;
        let settlement = match done {
            Ok(Stopped::BySession) => Some(Settlement::Done),
            // Settled once the session has recorded it.
            Ok(Stopped::Remembered) => None,
            Err(ref fault) => not_done(fault).then_some(Settlement::Dropped),
        };
        match waited {
            Ok(Ok(Ok(number))) => {
                if let Some(settlement) = settlement {
                    self.settle_soon(number, settlement).await;
                }
            }
            Ok(Ok(Err(fault))) => {
                warn!(error = %Causes(&fault), "stop not in the audit trail yet");
                if done.is_ok() {
                    self.record_later(entry.clone(), owed);
                }
            }
            Ok(Err(fault)) => error!(error = %Causes(&fault), "stop not in the audit trail"),
            Err(_) => {
                warn!("stop not in the audit trail yet: the store did not answer in time");
                let (intents, entry, is_done) = (self.clone(), entry.clone(), done.is_ok());
                tokio::spawn(async move {
                    match (intending.await, settlement) {
                        (Ok(Ok(number)), Some(settlement)) => {
                            intents.settle(number, settlement).await;
                            drop(owed);
                        }
                        (Ok(Ok(_)), None) => {}
                        (Ok(Err(_)) | Err(_), _) if is_done => {
                            intents.record_later(entry, owed);
                        }
                        (Ok(Err(_)) | Err(_), _) => {}
                    }
                });
            }
        }
        done.map(drop)
    }

    /// Settles an entry, and waits for that only as long as a response may.
    async fn settle_soon(&self, number: u64, settlement: Settlement) {
        let intents = self.clone();
        let settling = tokio::spawn(async move { intents.settle(number, settlement).await });
        let _ = timeout(SETTLED_WITHIN, settling).await;
    }

    /// Settles an entry as soon as the store can write. If the service stops first, the next start settles it.
    async fn settle(&self, number: u64, settlement: Settlement) {
        let _ = self
            .store
            .until_answered(|store| store.settle(number, settlement))
            .await;
    }

    /// Records an entry as soon as the store can write. The session's journal contains it as well.
    fn record_later(&self, entry: NewAuditEntry, owed: Option<OwedEntry>) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let _ = store.until_answered(|store| store.record(&entry)).await;
            drop(owed);
        });
    }
}

/// Returns the settlement that a result implies; `None` if it implies none, so that the session is asked later.
fn settlement(done: &Result<(), DecisionError>) -> Option<Settlement> {
    match done {
        Ok(()) => Some(Settlement::Done),
        Err(fault) => not_done(fault).then_some(Settlement::Dropped),
    }
}

/// Returns whether an error means that nothing was done.
const fn not_done(fault: &DecisionError) -> bool {
    match fault {
        DecisionError::Session(fault) => match fault {
            SessionError::Gone { .. } => false,
            // All others mean so.
            _ => true,
        },
        DecisionError::NotFound
        | DecisionError::Refused(_)
        | DecisionError::Conflict { .. }
        | DecisionError::Store(_) => true,
        DecisionError::Elsewhere { .. } => false,
    }
}
