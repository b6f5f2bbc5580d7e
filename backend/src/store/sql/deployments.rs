//! Deployments.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use iac_runner::session::{Phase, Status};
use serde_json::Value;
use sqlx::Connection;

use super::audit::{RECORD, bind_entry};
use super::claims::bind_ending;
use super::row::{DeploymentRow, deployment_columns};
use super::{PostgresStore, SqliteStore};
use crate::store::columns::{count, json_of, micros, outputs_of, signed, word_of};
use crate::store::{
    Deployment, DeploymentFilter, DeploymentId, Deployments, Ending, NewAuditEntry, NewDeployment,
    StoreError, Turn,
};

const ENQUEUE: &str = "INSERT INTO deployments \
    (id, workspace_key, repository, path, workspace, tool, operation, record, sealed_secrets, started_by, \
     created_at, queue_state, status, phase) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'waiting', $12, $13)";

const BY_ID: &str = concat!(
    "SELECT ",
    deployment_columns!(),
    " FROM deployments WHERE id = $1"
);

const MATCHING: &str = concat!(
    "SELECT ",
    deployment_columns!(),
    " FROM deployments \
     WHERE ($1 IS NULL OR status = $1) AND ($2 IS NULL OR repository = $2) \
       AND created_at >= $3 AND created_at < $4 AND seq < $5 \
     ORDER BY seq DESC LIMIT $6"
);

const POSITION: &str = "SELECT COUNT(*) FROM deployments mine \
    JOIN deployments others ON others.queue_state = 'waiting' AND others.seq <= mine.seq \
    WHERE mine.id = $1 AND mine.queue_state = 'waiting'";

const WAITS_FOR: &str = "SELECT other.id FROM deployments mine \
    JOIN deployments other ON other.workspace_key = mine.workspace_key \
    WHERE mine.id = $1 AND mine.queue_state = 'waiting' \
      AND (other.queue_state = 'active' OR (other.queue_state = 'waiting' AND other.seq < mine.seq)) \
    ORDER BY CASE other.queue_state WHEN 'active' THEN 0 ELSE 1 END, other.seq LIMIT 1";

const WAITING: &str = "SELECT COUNT(*) FROM deployments WHERE queue_state = 'waiting'";

const PLAN: &str = "SELECT plan FROM deployments WHERE id = $1";

const OUTPUTS: &str = "SELECT outputs FROM deployments WHERE id = $1";

const END_WAITING: &str = "UPDATE deployments \
    SET queue_state = 'ended', status = $2, phase = $3, reason = $4, error = $5, ended_at = $6, sealed_secrets = NULL \
    WHERE id = $1 AND queue_state = 'waiting'";

/// The foreign key deletes log lines with their deployment.
const FORGET: &str = "DELETE FROM deployments WHERE queue_state = 'ended' AND ended_at < $1";

/// Returns the key that no two active deployments share; a deployment that waits for no other has its own key.
fn workspace_key(new: &NewDeployment) -> String {
    match new.turn {
        Turn::InWorkspace => new.target.key(),
        Turn::AtOnce => new.id.to_string(),
    }
}

macro_rules! deployments {
    ($store:ty) => {
        #[async_trait]
        impl Deployments for $store {
            async fn enqueue(
                &self,
                new: &NewDeployment,
                entries: &[NewAuditEntry],
            ) -> Result<(), StoreError> {
                let mut writer = self.durable().await?;
                let mut transaction = writer.begin().await?;
                for entry in entries {
                    bind_entry!(sqlx::query(RECORD), entry)
                        .execute(&mut *transaction)
                        .await?;
                }
                sqlx::query(ENQUEUE)
                    .bind(new.id.to_string())
                    .bind(workspace_key(new))
                    .bind(&new.target.repository)
                    .bind(&new.target.path)
                    .bind(&new.target.workspace)
                    .bind(new.tool.program())
                    .bind(new.operation.word())
                    .bind(new.record.to_string())
                    .bind(&new.sealed_secrets)
                    .bind(&new.started_by)
                    .bind(micros(new.created_at))
                    .bind(word_of(Status::Running))
                    .bind(Phase::Initializing.word())
                    .execute(&mut *transaction)
                    .await?;
                Ok(transaction.commit().await?)
            }

            async fn deployment(&self, id: DeploymentId) -> Result<Option<Deployment>, StoreError> {
                sqlx::query_as::<_, DeploymentRow>(BY_ID)
                    .bind(id.to_string())
                    .fetch_optional(self.reads())
                    .await?
                    .map(Deployment::try_from)
                    .transpose()
            }

            async fn deployments(
                &self,
                filter: &DeploymentFilter,
            ) -> Result<Vec<Deployment>, StoreError> {
                sqlx::query_as::<_, DeploymentRow>(MATCHING)
                    .bind(filter.status.map(word_of))
                    .bind(&filter.repository)
                    .bind(filter.since.map_or(i64::MIN, micros))
                    .bind(filter.until.map_or(i64::MAX, micros))
                    .bind(filter.before.map_or(i64::MAX, signed))
                    .bind(i64::from(filter.most))
                    .fetch_all(self.reads())
                    .await?
                    .into_iter()
                    .map(Deployment::try_from)
                    .collect()
            }

            async fn position(&self, id: DeploymentId) -> Result<Option<u64>, StoreError> {
                let ahead: i64 = sqlx::query_scalar(POSITION)
                    .bind(id.to_string())
                    .fetch_one(self.reads())
                    .await?;
                Ok(Some(count("count", ahead)?).filter(|position| *position > 0))
            }

            async fn waits_for(
                &self,
                id: DeploymentId,
            ) -> Result<Option<DeploymentId>, StoreError> {
                let found: Option<String> = sqlx::query_scalar(WAITS_FOR)
                    .bind(id.to_string())
                    .fetch_optional(self.reads())
                    .await?;
                let malformed = |_| StoreError::Malformed { column: "id" };
                found.map(|id| id.parse().map_err(malformed)).transpose()
            }

            async fn waiting(&self) -> Result<u64, StoreError> {
                let number: i64 = sqlx::query_scalar(WAITING).fetch_one(self.reads()).await?;
                count("count", number)
            }

            async fn plan(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
                let text: Option<Option<String>> = sqlx::query_scalar(PLAN)
                    .bind(id.to_string())
                    .fetch_optional(self.reads())
                    .await?;
                text.flatten()
                    .map(|text| json_of("plan", &text))
                    .transpose()
            }

            async fn outputs(&self, id: DeploymentId) -> Result<Option<Value>, StoreError> {
                let text: Option<Option<String>> = sqlx::query_scalar(OUTPUTS)
                    .bind(id.to_string())
                    .fetch_optional(self.reads())
                    .await?;
                text.flatten().map(|text| outputs_of(&text)).transpose()
            }

            async fn end_waiting(
                &self,
                id: DeploymentId,
                ending: &Ending,
                entry: &NewAuditEntry,
            ) -> Result<bool, StoreError> {
                let mut writer = self.durable().await?;
                let mut transaction = writer.begin().await?;
                let query = sqlx::query(END_WAITING).bind(id.to_string());
                let done = bind_ending!(query, ending)
                    .execute(&mut *transaction)
                    .await?;
                if done.rows_affected() == 0 {
                    return Ok(false);
                }
                bind_entry!(sqlx::query(RECORD), entry)
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                Ok(true)
            }

            async fn scrub(&self) -> Result<(), StoreError> {
                self.overwrite_deleted().await
            }

            async fn forget_ended_before(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
                let done = sqlx::query(FORGET)
                    .bind(micros(time))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(done.rows_affected())
            }
        }
    };
}

deployments!(SqliteStore);
deployments!(PostgresStore);
