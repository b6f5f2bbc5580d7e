//! Claims of deployments.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sqlx::Connection;

use super::audit::{ALL_UNKNOWN, RECORD, bind_entry};
use super::row::{ClaimRow, deployment_columns};
use super::{PostgresStore, SqliteStore, held};
use crate::store::columns::{micros, word_of};
use crate::store::{
    Claim, Claims, DeploymentId, Ending, Lease, LeaseState, NewAuditEntry, Owner, Progress,
    StoreError,
};

/// `SET` clause of claims and takeovers; `$1` is the node, `$2` the lease in microseconds.
///
/// Leases use one clock: that of the database, which all nodes share.
macro_rules! carried_by_me {
    ($now:literal) => {
        concat!(
            "queue_state = 'active', node = $1, epoch = epoch + 1, lease_until = ",
            $now,
            " + $2"
        )
    };
}
pub(super) use carried_by_me;

/// Condition: first in the queue of a workspace without an active deployment.
macro_rules! is_next {
    () => {
        "it.queue_state = 'waiting' AND NOT EXISTS (SELECT 1 FROM deployments other \
         WHERE other.workspace_key = it.workspace_key AND (other.queue_state = 'active' \
         OR (other.queue_state = 'waiting' AND other.seq < it.seq)))"
    };
}
pub(super) use is_next;

const CLAIMED_BY: &str = "SELECT id, session_dir FROM deployments WHERE queue_state = 'active' AND node = $1 ORDER BY seq";

const KEEP_SESSION_DIR: &str = "UPDATE deployments SET session_dir = $3 \
    WHERE id = $1 AND epoch = $2 AND queue_state = 'active'";

const KEEP_PROGRESS: &str = "UPDATE deployments \
    SET status = $3, phase = $4, error = $5, commit_id = $6, plan_digest = $7, sandbox = $8, \
        started_at = $9, warnings = $10 \
    WHERE id = $1 AND epoch = $2 AND queue_state = 'active'";

const KEEP_PLAN: &str =
    "UPDATE deployments SET plan = $3 WHERE id = $1 AND epoch = $2 AND queue_state = 'active'";

const KEEP_OUTPUTS: &str =
    "UPDATE deployments SET outputs = $3 WHERE id = $1 AND epoch = $2 AND queue_state = 'active'";

const FINISH: &str = "UPDATE deployments \
    SET queue_state = 'ended', status = $3, phase = $4, reason = $5, error = $6, ended_at = $7, \
        sealed_secrets = NULL, lease_until = NULL \
    WHERE id = $1 AND epoch = $2 AND queue_state = 'active'";

/// Binds an ending: status, phase, reason, error and time, in this order.
macro_rules! bind_ending {
    ($query:ident, $ending:ident) => {
        $query
            .bind($crate::store::columns::word_of($ending.reason.status()))
            .bind(iac_runner::session::Phase::Completed.word())
            .bind($crate::store::columns::word_of($ending.reason))
            .bind(&$ending.error)
            .bind($crate::store::columns::micros($ending.at))
    };
}
pub(super) use bind_ending;

/// Converts a lease duration to microseconds.
fn length(lease: Duration) -> i64 {
    i64::try_from(lease.as_micros()).unwrap_or(i64::MAX / 2)
}

macro_rules! claims {
    ($store:ty, $now:literal) => {
        #[async_trait]
        impl Claims for $store {
            async fn claim(
                &self,
                node: &str,
                lease: Duration,
            ) -> Result<Option<Claim>, StoreError> {
                let row: Option<ClaimRow> = self.claim_next(node, length(lease)).await?;
                row.map(Claim::try_from).transpose()
            }

            async fn claimed_by(
                &self,
                node: &str,
            ) -> Result<Vec<(DeploymentId, Option<String>)>, StoreError> {
                let rows: Vec<(String, Option<String>)> = sqlx::query_as(CLAIMED_BY)
                    .bind(node)
                    .fetch_all(self.reads())
                    .await?;
                let malformed = |_| StoreError::Malformed { column: "id" };
                rows.into_iter()
                    .map(|(id, dir)| Ok((id.parse().map_err(malformed)?, dir)))
                    .collect()
            }

            async fn take_over(
                &self,
                node: &str,
                whose: Owner,
                lease: Duration,
            ) -> Result<Vec<Claim>, StoreError> {
                let own = concat!(
                    "UPDATE deployments SET ",
                    carried_by_me!($now),
                    " WHERE queue_state = 'active' AND node = $1 AND id = $3 RETURNING epoch, sealed_secrets, ",
                    deployment_columns!()
                );
                let expired = concat!(
                    "UPDATE deployments SET ",
                    carried_by_me!($now),
                    " WHERE queue_state = 'active' AND lease_until <= ",
                    $now,
                    " RETURNING epoch, sealed_secrets, ",
                    deployment_columns!()
                );
                let query = match whose {
                    Owner::Own(id) => sqlx::query_as(own)
                        .bind(node)
                        .bind(length(lease))
                        .bind(id.to_string()),
                    Owner::Expired => sqlx::query_as(expired).bind(node).bind(length(lease)),
                };
                let rows: Vec<ClaimRow> = query.fetch_all(&mut *self.durable().await?).await?;
                rows.into_iter().map(Claim::try_from).collect()
            }

            async fn renew(&self, lease: &Lease, duration: Duration) -> Result<LeaseState, StoreError> {
                let statement = concat!(
                    "UPDATE deployments SET lease_until = ",
                    $now,
                    " + $3 WHERE id = $1 AND epoch = $2 AND queue_state = 'active'"
                );
                let done = sqlx::query(statement)
                    .bind(lease.deployment.to_string())
                    .bind(lease.epoch)
                    .bind(length(duration))
                    .execute(&mut *self.repeatable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }

            async fn keep_session_dir(&self, lease: &Lease, dir: &str) -> Result<LeaseState, StoreError> {
                let done = sqlx::query(KEEP_SESSION_DIR)
                    .bind(lease.deployment.to_string())
                    .bind(lease.epoch)
                    .bind(dir)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }

            async fn keep_progress(
                &self,
                lease: &Lease,
                progress: &Progress,
            ) -> Result<LeaseState, StoreError> {
                let done = sqlx::query(KEEP_PROGRESS)
                    .bind(lease.deployment.to_string())
                    .bind(lease.epoch)
                    .bind(word_of(progress.status))
                    .bind(progress.phase.word())
                    .bind(&progress.error)
                    .bind(&progress.commit)
                    .bind(&progress.plan_digest)
                    .bind(&progress.sandbox)
                    .bind(progress.started_at.map(micros))
                    .bind(Value::from(progress.warnings.clone()).to_string())
                    .execute(&mut *self.repeatable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }

            async fn keep_plan(&self, lease: &Lease, plan: &Value) -> Result<LeaseState, StoreError> {
                let done = sqlx::query(KEEP_PLAN)
                    .bind(lease.deployment.to_string())
                    .bind(lease.epoch)
                    .bind(plan.to_string())
                    .execute(&mut *self.repeatable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }

            async fn keep_outputs(
                &self,
                lease: &Lease,
                outputs: &Value,
            ) -> Result<LeaseState, StoreError> {
                let done = sqlx::query(KEEP_OUTPUTS)
                    .bind(lease.deployment.to_string())
                    .bind(lease.epoch)
                    .bind(outputs.to_string())
                    .execute(&mut *self.repeatable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }

            async fn abandon(
                &self,
                id: DeploymentId,
                ending: &Ending,
                entry: &NewAuditEntry,
            ) -> Result<bool, StoreError> {
                let statement = concat!(
                    "UPDATE deployments \
                     SET queue_state = 'ended', status = $2, phase = $3, reason = $4, error = $5, ended_at = $6, \
                         sealed_secrets = NULL, lease_until = NULL, epoch = epoch + 1 \
                     WHERE id = $1 AND queue_state = 'active' AND lease_until <= ",
                    $now
                );
                let mut writer = self.durable().await?;
                let mut transaction = writer.begin().await?;
                let query = sqlx::query(statement).bind(id.to_string());
                let done = bind_ending!(query, ending)
                    .execute(&mut *transaction)
                    .await?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                sqlx::query(ALL_UNKNOWN)
                    .bind(id.to_string())
                    .execute(&mut *transaction)
                    .await?;
                bind_entry!(sqlx::query(RECORD), entry)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                Ok(true)
            }

            async fn finish(&self, lease: &Lease, ending: &Ending) -> Result<LeaseState, StoreError> {
                let query = sqlx::query(FINISH)
                    .bind(lease.deployment.to_string())
                    .bind(lease.epoch);
                let done = bind_ending!(query, ending)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }
        }
    };
}

claims!(
    SqliteStore,
    "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
);
claims!(
    PostgresStore,
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
);
