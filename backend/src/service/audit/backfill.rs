//! Adds decisions to the audit trail that only the session has recorded.
//!
//! The session's journal and the trail are compared when a session is started or recovered, before it accepts decisions,
//! and at its end, when it accepts none any more.

use iac_runner::session::Session;
use tracing::info;

pub(crate) use super::changes::Moment;
use super::changes::{AuditChange, changes, decisions_of};
use super::pending::PendingAudit;
use crate::service::state::retrying_store::{Lost, RetryingStore};
use crate::store::{
    AuditEntry, AuditPage, Claim, DeploymentId, Outcome, Settlement, Store, StoreError,
};

/// Most audit entries to examine for one deployment; usually there are a handful.
const MOST_ENTRIES: u32 = 1000;

/// Compares sessions with the audit trail, and completes the trail.
#[derive(Clone)]
pub(crate) struct AuditBackfill {
    store: RetryingStore,
    pending: PendingAudit,
}

impl AuditBackfill {
    pub(crate) fn new(store: RetryingStore, pending: PendingAudit) -> Self {
        Self { store, pending }
    }

    /// Adds what the session has recorded to the audit trail, and settles pending entries.
    pub(crate) async fn compare(
        &self,
        claim: &Claim,
        session: &Session,
        moment: Moment,
    ) -> Result<(), Lost> {
        let known = decisions_of(claim, &session.status());
        let id = claim.lease.deployment;
        if moment == Moment::Ended {
            self.pending.none_about(id).await;
        }
        let trail = self
            .store
            .until_answered(|store| entries_about(store, id))
            .await?;
        for change in changes(known, &trail, moment) {
            match change {
                AuditChange::Record(entry) => {
                    info!(deployment = %id, action = entry.action, by = entry.actor, "audit entry added");
                    self.store
                        .until_answered(|store| store.record(&entry))
                        .await?;
                }
                AuditChange::Settle(number, settlement) => {
                    self.store
                        .until_answered(|store| store.settle(number, settlement))
                        .await?;
                }
                AuditChange::Stop { by, is_forced } => {
                    // Fails only if the session has already ended, which is fine.
                    let _ = if is_forced {
                        session.force_cancel(&by).await
                    } else {
                        session.cancel(&by).await
                    };
                }
            }
        }
        Ok(())
    }

    /// Settles the pending entries of a deployment that ends without a session.
    pub(crate) async fn settle_without_session(
        &self,
        id: DeploymentId,
        settlement: Settlement,
    ) -> Result<(), Lost> {
        let trail = self
            .store
            .until_answered(|store| entries_about(store, id))
            .await?;
        for entry in trail.iter().filter(|it| it.outcome == Outcome::Pending) {
            self.store
                .until_answered(|store| store.settle(entry.seq, settlement))
                .await?;
        }
        Ok(())
    }
}

async fn entries_about(store: &dyn Store, id: DeploymentId) -> Result<Vec<AuditEntry>, StoreError> {
    let page = AuditPage {
        deployment: Some(id),
        before: None,
        most: MOST_ENTRIES,
    };
    store.audit_trail(&page).await
}
