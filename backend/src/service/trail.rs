//! Decisions of a former process that did not come to write them down.

use chrono::Utc;
use iac_runner::session::{Session, Verdict};
use tracing::info;

use super::Service;
use super::drain::STOP_OF_THE_SERVICE;
use super::mirror::{Lost, TAKEN_OVER};
use crate::auth::Person;
use crate::store::{AuditPage, Claim, NewAuditEntry, StoreError};

/// Most entries about one deployment that are looked through; there are a handful.
const MOST_ENTRIES: u32 = 1000;

impl Service {
    /// Adds to the audit trail what the session's own record knows and the trail does not: a decision takes effect
    /// before it is written down, and a process may die in between.
    ///
    /// To be called before anybody can decide about the session, or both would write the same.
    pub(super) async fn complete_the_trail(
        &self,
        claim: &Claim,
        session: &Session,
    ) -> Result<(), Lost> {
        let known = known(claim, session);
        if known.is_empty() {
            return Ok(());
        }
        self.until_answered(|| self.add_missing(&known)).await
    }

    async fn add_missing(&self, known: &[NewAuditEntry]) -> Result<(), StoreError> {
        let page = AuditPage {
            deployment: known.first().and_then(|entry| entry.deployment),
            before: None,
            most: MOST_ENTRIES,
        };
        let trail = self.store().audit_trail(&page).await?;
        for entry in known {
            let is_there = trail.iter().any(|it| {
                it.entry.actor == entry.actor && is_same(&it.entry.action, &entry.action)
            });
            if !is_there {
                info!(
                    action = entry.action,
                    by = entry.actor,
                    "was not in the audit trail"
                );
                self.store().record(entry).await?;
            }
        }
        Ok(())
    }
}

/// What somebody decided about a session, as its record has it.
fn known(claim: &Claim, session: &Session) -> Vec<NewAuditEntry> {
    let now = session.status();
    let is_automatic = claim.deployment.is_automatic();
    let starter = Person::named(&claim.deployment.started_by);
    let is_starter = |name: &str| Person::named(name) == starter;
    let decided = now
        .decision
        .filter(|_| !is_automatic)
        .map(|it| NewAuditEntry {
            by_starter: it.verdict == Verdict::Approved && is_starter(&it.by),
            at: it.at,
            actor: it.by,
            action: match it.verdict {
                Verdict::Approved => "approve".to_owned(),
                Verdict::Rejected => "reject".to_owned(),
            },
            deployment: Some(claim.lease.deployment),
            detail: it.comment,
        });
    let stopped = now
        .stop_requested_by
        .filter(|by| ![STOP_OF_THE_SERVICE, TAKEN_OVER].contains(&by.as_str()))
        .map(|by| NewAuditEntry {
            at: Utc::now(),
            actor: by,
            action: "cancel".to_owned(),
            deployment: Some(claim.lease.deployment),
            detail: String::new(),
            by_starter: false,
        });
    decided.into_iter().chain(stopped).collect()
}

/// The record of a session does not say of a stop whether it was a forced one.
fn is_same(of_trail: &str, of_session: &str) -> bool {
    of_trail == of_session || (of_trail, of_session) == ("force-cancel", "cancel")
}
