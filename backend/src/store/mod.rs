//! Persistent data: deployments, claims, logs, the audit trail and API keys.
//!
//! # Who may write
//! A deployment is queued, active or ended. A node claims it, and gets a [`Lease`]: the deployment and an epoch. Every
//! write to an active deployment names the lease. If another node has taken the deployment over since, the write has no
//! effect and returns [`LeaseState::Lost`]. At most one deployment is active in a workspace; a unique index of the database
//! enforces this.
//!
//! # What is durable
//! When a method returns, its writes are on disk: a claim and a session directory before any work begins, and an ending
//! before that directory may be removed. Exceptions are heartbeats, and data that is written again when a session is
//! recovered (progress, plan, outputs, lines): a power failure may lose the latest of these.

mod audit;
mod claim;
mod columns;
mod decision;
mod deployment;
mod error;
mod key;
mod log;
mod node;
mod open;
mod opened_files;
mod sql;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use iac_runner::session::Phase;

use crate::auth::KeyId;
pub use audit::{AuditEntry, AuditPage, NewAuditEntry, Outcome, Settlement};
pub use claim::{Claim, Lease, LeaseState, Owner};
pub(crate) use columns::to_json;
pub use decision::HandedOver;
pub use deployment::{
    Deployment, DeploymentFilter, DeploymentId, Ending, NewDeployment, Progress, QueueState,
    Target, Turn,
};
pub use error::StoreError;
pub use key::StoredKey;
pub use log::StoredLine;
pub use node::{NameAnswer, Node};
pub use open::open;
pub use sql::{PostgresStore, SqliteStore};

/// All persistent data.
#[async_trait]
pub trait Store:
    Deployments + Claims + ForwardedDecisions + Nodes + Logs + Audit + Keys + Sealing
{
    /// Closes all connections, once they are not in use. Everything else fails from then on.
    ///
    /// Then the file of an SQLite database is complete: its write-ahead log is part of it, and removed.
    async fn close(&self);
}

/// Deployments.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// Appends a deployment to the queue and adds audit entries, in one transaction.
    async fn enqueue(
        &self,
        new: &NewDeployment,
        entries: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// Returns the deployment with this id.
    async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError>;

    /// Returns the deployments that match, latest first.
    async fn deployments(&self, filter: &DeploymentFilter) -> Result<Vec<Deployment>, StoreError>;

    /// Returns the position of a queued deployment, from 1; `None` if it is not queued.
    async fn position(&self, id: DeploymentId) -> Result<Option<u64>, StoreError>;

    /// Returns the deployment that a queued one waits for: the active one of its workspace, or else the first queued
    /// before it there. `None` if it waits only for capacity, or is not queued.
    async fn waits_for(&self, id: DeploymentId) -> Result<Option<DeploymentId>, StoreError>;

    /// Returns how many deployments are queued.
    async fn waiting(&self) -> Result<u64, StoreError>;

    /// Returns the summary of the plan, as JSON.
    async fn plan(&self, id: DeploymentId) -> Result<Option<serde_json::Value>, StoreError>;

    /// Returns the outputs with sensitive values masked, as JSON.
    async fn outputs(&self, id: DeploymentId) -> Result<Option<serde_json::Value>, StoreError>;

    /// Ends a queued deployment and adds an audit entry; if it is not queued, returns false and changes nothing.
    async fn end_waiting(
        &self,
        id: DeploymentId,
        ending: &Ending,
        entry: &NewAuditEntry,
    ) -> Result<bool, StoreError>;

    /// Overwrites deleted data where the database allows it. SQLite keeps encrypted secrets in its write-ahead log
    /// until then; PostgreSQL removes deleted data on its own schedule.
    async fn scrub(&self) -> Result<(), StoreError>;

    /// Deletes deployments that ended before this time, with their logs, and returns how many.
    async fn forget_ended_before(&self, time: DateTime<Utc>) -> Result<u64, StoreError>;
}

/// Claims of deployments.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Claims the first queued deployment whose workspace is free, if there is one.
    ///
    /// Deployments of one workspace are claimed in queue order.
    async fn claim(&self, node: &str, lease: Duration) -> Result<Option<Claim>, StoreError>;

    /// Returns the active deployments of a node, with the session directories that it has saved.
    async fn claimed_by(
        &self,
        node: &str,
    ) -> Result<Vec<(DeploymentId, Option<String>)>, StoreError>;

    /// Takes over active deployments, each with a new epoch, so that their previous holders can no longer write.
    async fn take_over(
        &self,
        node: &str,
        whose: Owner,
        lease: Duration,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Renews a lease.
    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<LeaseState, StoreError>;

    /// Saves where the session will be: from then on, work may have begun.
    async fn keep_session_dir(&self, lease: &Lease, dir: &str) -> Result<LeaseState, StoreError>;

    /// Saves the progress of a deployment.
    async fn keep_progress(
        &self,
        lease: &Lease,
        progress: &Progress,
    ) -> Result<LeaseState, StoreError>;

    /// Saves the summary of the plan.
    async fn keep_plan(
        &self,
        lease: &Lease,
        plan: &serde_json::Value,
    ) -> Result<LeaseState, StoreError>;

    /// Saves the outputs, which must be masked.
    async fn keep_outputs(
        &self,
        lease: &Lease,
        outputs: &serde_json::Value,
    ) -> Result<LeaseState, StoreError>;

    /// Ends an active deployment whose lease has expired and adds an audit entry; its node can no longer write to it.
    /// Its pending audit entries become unknown. If it is not active or its lease is valid, returns false and changes
    /// nothing.
    async fn abandon(
        &self,
        id: DeploymentId,
        ending: &Ending,
        entry: &NewAuditEntry,
    ) -> Result<bool, StoreError>;

    /// Ends a deployment: deletes its secrets and frees its workspace.
    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<LeaseState, StoreError>;
}

/// Decisions on their way to the node that runs the deployment.
///
/// A decision is taken once, and only while the sender waits for it. It is deleted with the record of its deployment.
#[async_trait]
pub trait ForwardedDecisions: Send + Sync {
    /// Returns whether several nodes may use this store.
    fn is_shared(&self) -> bool;

    /// Hands a decision over to the node that runs the deployment; it can be taken `within` this time. Returns its
    /// number.
    async fn hand_over(
        &self,
        deployment: DeploymentId,
        decision: &serde_json::Value,
        within: Duration,
    ) -> Result<i64, StoreError>;

    /// Takes the decisions for the deployments that this node runs, oldest first.
    async fn take_decisions(&self, node: &str) -> Result<Vec<HandedOver>, StoreError>;

    /// Saves the result of a decision.
    async fn answer(&self, number: i64, answer: &serde_json::Value) -> Result<(), StoreError>;

    /// Returns the result of a decision; `None` if there is none yet.
    async fn answer_to(&self, number: i64) -> Result<Option<serde_json::Value>, StoreError>;

    /// Removes a decision that no node has taken; returns false if one has.
    async fn withdraw(&self, number: i64) -> Result<bool, StoreError>;
}

/// Node names. A name belongs to the data directory that holds the sessions of its deployments.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Takes a name for a process of a data directory, and moves the deployments under its previous name to it.
    ///
    /// Another data directory keeps its name while its lease is valid or while it runs deployments.
    async fn take_name(&self, node: &Node, lease: Duration) -> Result<NameAnswer, StoreError>;

    /// Renews the lease of a name, durably; `Lost` if another process has the name.
    async fn renew_name(&self, node: &Node, lease: Duration) -> Result<LeaseState, StoreError>;

    /// Ends the lease of a process that stops.
    async fn leave_name(&self, node: &Node) -> Result<(), StoreError>;
}

/// Log lines, which are kept longer than session directories.
#[async_trait]
pub trait Logs: Send + Sync {
    /// Adds lines; existing lines stay unchanged, so that a mirror may start over.
    async fn add_lines(
        &self,
        lease: &Lease,
        lines: &[StoredLine],
    ) -> Result<LeaseState, StoreError>;

    /// Replaces the lines from the marker's number to `last`, inclusive, with the marker.
    async fn leave_out_lines(
        &self,
        lease: &Lease,
        marker: &StoredLine,
        last: u64,
    ) -> Result<LeaseState, StoreError>;

    /// Returns at most `most` lines, from number `from` on. Removed lines leave gaps in the numbers.
    async fn lines(
        &self,
        id: DeploymentId,
        from: u64,
        most: u32,
    ) -> Result<Vec<StoredLine>, StoreError>;

    /// Returns the last lines of some phases, phase by phase, each with its newline, at most `most_bytes`. The time it
    /// takes depends on the size of the result, not of the log.
    async fn end_of_log(
        &self,
        id: DeploymentId,
        phases: &[Phase],
        most_bytes: usize,
    ) -> Result<String, StoreError>;
}

/// The audit trail.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Adds an entry about a completed action. It never changes, and is deleted after its retention.
    async fn record(&self, entry: &NewAuditEntry) -> Result<(), StoreError>;

    /// Adds a pending entry about an action that follows, and returns its number.
    async fn intend(&self, entry: &NewAuditEntry) -> Result<u64, StoreError>;

    /// Settles a pending entry; other entries stay unchanged.
    async fn settle(&self, seq: u64, settlement: Settlement) -> Result<(), StoreError>;

    /// Deletes the pending entries of ended deployments: an ending is stored after the decisions before it are settled,
    /// so these came too late.
    async fn drop_late_intents(&self) -> Result<u64, StoreError>;

    /// Returns entries, latest first.
    async fn audit_trail(&self, page: &AuditPage) -> Result<Vec<AuditEntry>, StoreError>;

    /// Deletes entries from before this time, and returns how many.
    async fn forget_audit_before(&self, time: DateTime<Utc>) -> Result<u64, StoreError>;
}

/// API keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Saves a new key.
    async fn add_key(&self, key: &StoredKey) -> Result<(), StoreError>;

    /// Returns the key with this id, revoked or not.
    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, StoreError>;

    /// Returns all keys, oldest first.
    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Revokes a key; returns false if it does not exist or was already revoked.
    async fn revoke_key(&self, id: &KeyId, at: DateTime<Utc>) -> Result<bool, StoreError>;
}

/// The check value, which shows whether a sealing key is the one that the database was sealed with.
#[async_trait]
pub trait Sealing: Send + Sync {
    /// Returns the sealed check value; `None` at the first start.
    async fn sealing_check(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Saves the check value, unless there is one.
    async fn keep_sealing_check(&self, sealed: &[u8]) -> Result<(), StoreError>;

    /// Replaces the check value.
    async fn replace_sealing_check(&self, sealed: &[u8]) -> Result<(), StoreError>;

    /// Returns the encrypted secrets of any one deployment; `None` if no deployment has secrets.
    async fn any_sealed_secrets(&self) -> Result<Option<(DeploymentId, Vec<u8>)>, StoreError>;
}
