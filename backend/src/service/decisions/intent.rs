//! Records decisions before they take effect.
//!
//! The audit trail first gets a pending entry, then the session is asked, and then the entry is settled. If the service
//! dies at any moment, the pending entry and the session's journal together show what was done. `trail` settles the
//! entry when the session is recovered, at the latest before the end of the deployment is stored.

use std::time::Duration;

use iac_runner::session::SessionError;
use tokio::time::timeout;
use tracing::{error, warn};

use super::pending_audit::OwedEntry;
use crate::causes::Causes;
use crate::service::{DecisionError, Service};
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

impl Service {
    /// Records a decision, then carries it out.
    ///
    /// # Errors
    /// The store cannot write, and nothing was done; or the error of the work.
    pub(crate) async fn with_intent(
        &self,
        entry: &NewAuditEntry,
        work: impl Future<Output = Result<(), DecisionError>>,
    ) -> Result<(), DecisionError> {
        let number = self.store().intend(entry).await?;
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
    pub(crate) async fn stop_with_intent(
        &self,
        entry: &NewAuditEntry,
        work: impl Future<Output = Result<Stopped, DecisionError>>,
    ) -> Result<(), DecisionError> {
        let pending_audit = entry.deployment.map(|id| self.shared.pending_audit.add(id));
        let (service, intended) = (self.clone(), entry.clone());
        let mut intending = tokio::spawn(async move { service.store().intend(&intended).await });
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
                    self.record_later(entry.clone(), pending_audit);
                }
            }
            Ok(Err(fault)) => error!(error = %Causes(&fault), "stop not in the audit trail"),
            Err(_) => {
                warn!("stop not in the audit trail yet: the store did not answer in time");
                let (service, entry, is_done) = (self.clone(), entry.clone(), done.is_ok());
                tokio::spawn(async move {
                    match (intending.await, settlement) {
                        (Ok(Ok(number)), Some(settlement)) => {
                            service.settle(number, settlement).await;
                            drop(pending_audit);
                        }
                        (Ok(Ok(_)), None) => {}
                        (Ok(Err(_)) | Err(_), _) if is_done => {
                            service.record_later(entry, pending_audit);
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
        let service = self.clone();
        let settling = tokio::spawn(async move { service.settle(number, settlement).await });
        let _ = timeout(SETTLED_WITHIN, settling).await;
    }

    /// Settles an entry as soon as the store can write. If the service stops first, the next start settles it.
    async fn settle(&self, number: u64, settlement: Settlement) {
        let store = self.store();
        let _ = self
            .until_answered(|| store.settle(number, settlement))
            .await;
    }

    /// Records an entry as soon as the store can write. The session's journal contains it as well.
    fn record_later(&self, entry: NewAuditEntry, pending_audit: Option<OwedEntry>) {
        let service = self.clone();
        tokio::spawn(async move {
            let store = service.store();
            let _ = service.until_answered(|| store.record(&entry)).await;
            drop(pending_audit);
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
