//! What lasts: deployments, who carries them, their logs, the audit trail, keys.
//!
//! | file | holds |
//! |---|---|
//! | `deployment` | the record of a deployment, as it is put in and as it is had back |
//! | `claim` | who carries a deployment, and the token that says so |
//! | `decision` | what was decided at a node that does not carry the deployment |
//! | `node` | node names, each of which belongs to one data directory |
//! | `log`, `audit`, `key` | the other things that are kept |
//! | `sql` | all of it in SQLite and in PostgreSQL |
//! | `open` | which of the two, by the configuration |
//!
//! # Who may write
//! A deployment waits, is active, or has ended. A node claims it, which gives the node a [`Lease`]: the deployment and
//! an epoch. Everything that is written about an active deployment names the lease, and is [`Held::Lost`], changing
//! nothing, when another node has taken the deployment over since. At most one deployment is active in a workspace;
//! a unique index of the database says so, whatever this code does.
//!
//! # What is durable
//! What a method wrote has reached the disk when it returns: a claim and the directory of a session before anything is
//! begun, an ending before that directory may go. Not so what is written again when a deployment is taken up (what its
//! session says: progress, plan, outputs, lines) and a sign of life: a power cut may take the last of these.

mod audit;
mod claim;
mod decision;
mod deployment;
mod error;
mod key;
mod log;
mod node;
mod open;
mod sql;
mod words;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use iac_runner::session::Phase;

use crate::auth::KeyId;
pub use audit::{AuditEntry, AuditPage, NewAuditEntry, Outcome, Settlement};
pub use claim::{Claim, Held, Lease, Whose};
pub use decision::HandedOver;
pub use deployment::{
    Deployment, DeploymentId, Ending, Filter, NewDeployment, Progress, Standing, Target, Turn,
};
pub use error::StoreError;
pub use key::StoredKey;
pub use log::StoredLine;
pub use node::{NameAnswer, Node};
pub use open::open;
pub use sql::{PostgresStore, SqliteStore};

/// Everything that lasts.
pub trait Store: Deployments + Claims + Decisions + Nodes + Logs + Audit + Keys + Sealing {}

impl<S: Deployments + Claims + Decisions + Nodes + Logs + Audit + Keys + Sealing> Store for S {}

/// The records of deployments.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// Puts a deployment at the end of the queue, together with entries of the audit trail, or does none of it.
    async fn enqueue(
        &self,
        new: &NewDeployment,
        entries: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// The deployment of this name.
    async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError>;

    /// Deployments that match, the latest first.
    async fn deployments(&self, filter: &Filter) -> Result<Vec<Deployment>, StoreError>;

    /// Place of a waiting deployment among all that wait, from 1; none if it does not wait.
    async fn position(&self, id: DeploymentId) -> Result<Option<u64>, StoreError>;

    /// The deployment that a waiting one waits for: the active one of its workspace, else the first before it there; none
    /// if it waits for room alone, or does not wait.
    async fn waits_for(&self, id: DeploymentId) -> Result<Option<DeploymentId>, StoreError>;

    /// How many deployments wait.
    async fn waiting(&self) -> Result<u64, StoreError>;

    /// The summary of the plan, as JSON.
    async fn plan(&self, id: DeploymentId) -> Result<Option<serde_json::Value>, StoreError>;

    /// The outputs with sensitive values masked, as JSON.
    async fn outputs(&self, id: DeploymentId) -> Result<Option<serde_json::Value>, StoreError>;

    /// Ends a deployment that waits, together with an entry of the audit trail; false, changing nothing, when it does not
    /// wait.
    async fn end_waiting(
        &self,
        id: DeploymentId,
        ending: &Ending,
        entry: &NewAuditEntry,
    ) -> Result<bool, StoreError>;

    /// Overwrites what was deleted, wherever the database keeps it and as far as it can be told to. SQLite leaves sealed
    /// secrets in its write-ahead log until then. PostgreSQL does this by itself, in its own time.
    async fn scrub(&self) -> Result<(), StoreError>;

    /// Forgets deployments that ended before this time, with their logs, and says how many.
    async fn forget_ended_before(&self, time: DateTime<Utc>) -> Result<u64, StoreError>;
}

/// Who carries which deployment.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Claims the first deployment of the queue whose workspace is free, if there is one.
    ///
    /// In a workspace they go in the order in which they came.
    async fn claim(&self, node: &str, lease: Duration) -> Result<Option<Claim>, StoreError>;

    /// Takes over active deployments, each with a new epoch, so that whoever had them can write no more.
    async fn take_over(
        &self,
        node: &str,
        whose: Whose,
        lease: Duration,
    ) -> Result<Vec<Claim>, StoreError>;

    /// Gives a sign of life.
    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Held, StoreError>;

    /// Keeps where the session is going to be: from then on, the work may have begun.
    async fn keep_session_dir(&self, lease: &Lease, dir: &str) -> Result<Held, StoreError>;

    /// Keeps how far a deployment is.
    async fn keep_progress(&self, lease: &Lease, progress: &Progress) -> Result<Held, StoreError>;

    /// Keeps the summary of the plan.
    async fn keep_plan(&self, lease: &Lease, plan: &serde_json::Value) -> Result<Held, StoreError>;

    /// Keeps the outputs, which have to be masked.
    async fn keep_outputs(
        &self,
        lease: &Lease,
        outputs: &serde_json::Value,
    ) -> Result<Held, StoreError>;

    /// Ends a deployment whose node gives no sign of life, so that the node can write no more about it, together with an
    /// entry of the audit trail; false, changing nothing, when it is not active or its lease has not run out. What was
    /// pending in the trail is unknown from then on.
    async fn abandon(
        &self,
        id: DeploymentId,
        ending: &Ending,
        entry: &NewAuditEntry,
    ) -> Result<bool, StoreError>;

    /// Ends a deployment: its secrets go, its workspace is free.
    async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<Held, StoreError>;
}

/// Decisions on their way to the node that carries the deployment.
///
/// A decision is taken once, and only as long as whoever handed it over waits for it. It goes with the record of its
/// deployment.
#[async_trait]
pub trait Decisions: Send + Sync {
    /// Whether several nodes may use this store.
    fn is_shared(&self) -> bool;

    /// Hands a decision over to whoever carries the deployment, for so long, and says its number.
    async fn hand_over(
        &self,
        deployment: DeploymentId,
        decision: &serde_json::Value,
        within: Duration,
    ) -> Result<i64, StoreError>;

    /// Takes what was handed over for the deployments that this node carries, the oldest first.
    async fn take_decisions(&self, node: &str) -> Result<Vec<HandedOver>, StoreError>;

    /// Says what became of a decision.
    async fn answer(&self, number: i64, answer: &serde_json::Value) -> Result<(), StoreError>;

    /// What became of a decision; none as long as nobody said so.
    async fn answer_to(&self, number: i64) -> Result<Option<serde_json::Value>, StoreError>;

    /// Removes a decision that nobody has taken, so that nobody will; false if somebody has.
    async fn withdraw(&self, number: i64) -> Result<bool, StoreError>;
}

/// Node names. A name belongs to one data directory, since the sessions of what it carries are there.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Takes a name for a process of a data directory, and what that carried under a former name with it.
    ///
    /// Another data directory keeps its name while its lease lasts or while it carries deployments.
    async fn take_name(&self, node: &Node, lease: Duration) -> Result<NameAnswer, StoreError>;

    /// Gives a sign of life, which is on the disk when this returns; lost when another process has the name.
    async fn renew_name(&self, node: &Node, lease: Duration) -> Result<Held, StoreError>;

    /// Ends the lease of a process that stops.
    async fn leave_name(&self, node: &Node) -> Result<(), StoreError>;
}

/// The lines of logs, which outlast the directories of sessions.
#[async_trait]
pub trait Logs: Send + Sync {
    /// Adds lines; one that is there already stays as it is, so that a mirror may begin again.
    async fn add_lines(&self, lease: &Lease, lines: &[StoredLine]) -> Result<Held, StoreError>;

    /// Replaces the lines from the marker's number to `last`, inclusive, by the marker.
    async fn leave_out_lines(
        &self,
        lease: &Lease,
        marker: &StoredLine,
        last: u64,
    ) -> Result<Held, StoreError>;

    /// Returns at most `most` lines, from number `from` on. Removed lines leave gaps in the numbers.
    async fn lines(
        &self,
        id: DeploymentId,
        from: u64,
        most: u32,
    ) -> Result<Vec<StoredLine>, StoreError>;

    /// The last lines of some phases, phase by phase, each with its newline, in at most so many bytes. However long the
    /// log is, it takes as long as what it gives.
    async fn end_of_log(
        &self,
        id: DeploymentId,
        phases: &[Phase],
        most_bytes: usize,
    ) -> Result<String, StoreError>;
}

/// Who did what.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Adds an entry about what was done. It is never changed, and goes when its time is over.
    async fn record(&self, entry: &NewAuditEntry) -> Result<(), StoreError>;

    /// Adds a pending entry about what is going to be done, and says its number.
    async fn intend(&self, entry: &NewAuditEntry) -> Result<u64, StoreError>;

    /// Says what became of a pending entry; nothing happens to one that is not pending.
    async fn settle(&self, seq: u64, settlement: Settlement) -> Result<(), StoreError>;

    /// Drops what is pending about deployments that have ended: an ending is kept after what was done before it is
    /// settled, so what is left came too late.
    async fn drop_late_intents(&self) -> Result<u64, StoreError>;

    /// Entries, the latest first.
    async fn audit_trail(&self, page: &AuditPage) -> Result<Vec<AuditEntry>, StoreError>;

    /// Forgets entries from before this time, and says how many.
    async fn forget_audit_before(&self, time: DateTime<Utc>) -> Result<u64, StoreError>;
}

/// Keys of the API.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Keeps a new key.
    async fn add_key(&self, key: &StoredKey) -> Result<(), StoreError>;

    /// The key of this name, be it revoked or not.
    async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, StoreError>;

    /// All keys, the oldest first.
    async fn keys(&self) -> Result<Vec<StoredKey>, StoreError>;

    /// Revokes a key; false if there is none of this name, or it was revoked before.
    async fn revoke_key(&self, id: &KeyId, at: DateTime<Utc>) -> Result<bool, StoreError>;
}

/// What shows whether a sealing key is the one that the database was sealed with.
#[async_trait]
pub trait Sealing: Send + Sync {
    /// What was sealed to be compared; none at the first start.
    async fn sealing_check(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps that, unless there is one.
    async fn keep_sealing_check(&self, sealed: &[u8]) -> Result<(), StoreError>;

    /// Keeps that in place of the one there is.
    async fn replace_sealing_check(&self, sealed: &[u8]) -> Result<(), StoreError>;

    /// The sealed secrets of some deployment; none if no deployment has any.
    async fn any_sealed_secrets(&self) -> Result<Option<(DeploymentId, Vec<u8>)>, StoreError>;
}
