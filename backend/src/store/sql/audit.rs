//! The audit trail.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{PostgresStore, SqliteStore};
use crate::store::columns::{count, micros, signed, time};
use crate::store::{Audit, AuditEntry, AuditPage, NewAuditEntry, Outcome, Settlement, StoreError};

pub(super) const RECORD: &str = "INSERT INTO audit (at, actor, action, deployment, detail, by_starter) VALUES ($1, $2, $3, $4, $5, $6)";

const INTEND: &str = "INSERT INTO audit (at, actor, action, deployment, detail, by_starter, outcome) \
    VALUES ($1, $2, $3, $4, $5, $6, 'pending') RETURNING seq";

const DONE: &str = "UPDATE audit SET outcome = NULL WHERE seq = $1 AND outcome = 'pending'";

const DROP: &str = "DELETE FROM audit WHERE seq = $1 AND outcome = 'pending'";

const UNKNOWN: &str = "UPDATE audit SET outcome = 'unknown' WHERE seq = $1 AND outcome = 'pending'";

pub(super) const ALL_UNKNOWN: &str =
    "UPDATE audit SET outcome = 'unknown' WHERE deployment = $1 AND outcome = 'pending'";

const DROP_LATE: &str = "DELETE FROM audit WHERE outcome = 'pending' \
    AND deployment IN (SELECT id FROM deployments WHERE queue_state = 'ended')";

const TRAIL: &str = "SELECT seq, at, actor, action, deployment, detail, by_starter, outcome FROM audit \
    WHERE ($1 IS NULL OR deployment = $1) AND seq < $2 ORDER BY seq DESC LIMIT $3";

const FORGET: &str = "DELETE FROM audit WHERE at < $1";

#[derive(sqlx::FromRow)]
struct AuditRow {
    seq: i64,
    at: i64,
    actor: String,
    action: String,
    deployment: Option<String>,
    detail: String,
    by_starter: i64,
    outcome: Option<String>,
}

/// Binds an entry to an `INSERT` statement.
macro_rules! bind_entry {
    ($query:expr, $entry:ident) => {
        $query
            .bind($crate::store::columns::micros($entry.at))
            .bind(&$entry.actor)
            .bind(&$entry.action)
            .bind($entry.deployment.map(|id| id.to_string()))
            .bind(&$entry.detail)
            .bind(i64::from($entry.by_starter))
    };
}
pub(super) use bind_entry;

impl TryFrom<AuditRow> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        let malformed = |_| StoreError::Malformed {
            column: "deployment",
        };
        let outcome = match &row.outcome {
            None => Some(Outcome::Done),
            Some(word) => Outcome::from_word(word),
        };
        Ok(Self {
            seq: count("seq", row.seq)?,
            outcome: outcome.ok_or(StoreError::Malformed { column: "outcome" })?,
            entry: NewAuditEntry {
                at: time("at", row.at)?,
                actor: row.actor,
                action: row.action,
                deployment: row
                    .deployment
                    .map(|id| id.parse().map_err(malformed))
                    .transpose()?,
                detail: row.detail,
                by_starter: row.by_starter != 0,
            },
        })
    }
}

macro_rules! audit {
    ($store:ty) => {
        #[async_trait]
        impl Audit for $store {
            async fn record(&self, entry: &NewAuditEntry) -> Result<(), StoreError> {
                bind_entry!(sqlx::query(RECORD), entry)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }

            async fn intend(&self, entry: &NewAuditEntry) -> Result<u64, StoreError> {
                let seq: i64 = bind_entry!(sqlx::query_scalar(INTEND), entry)
                    .fetch_one(&mut *self.durable().await?)
                    .await?;
                count("seq", seq)
            }

            async fn settle(&self, seq: u64, settlement: Settlement) -> Result<(), StoreError> {
                let statement = match settlement {
                    Settlement::Done => DONE,
                    Settlement::Dropped => DROP,
                    Settlement::Unknown => UNKNOWN,
                };
                sqlx::query(statement)
                    .bind(signed(seq))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }

            async fn drop_late_intents(&self) -> Result<u64, StoreError> {
                let done = sqlx::query(DROP_LATE)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(done.rows_affected())
            }

            async fn audit_trail(&self, page: &AuditPage) -> Result<Vec<AuditEntry>, StoreError> {
                sqlx::query_as::<_, AuditRow>(TRAIL)
                    .bind(page.deployment.map(|id| id.to_string()))
                    .bind(page.before.map_or(i64::MAX, signed))
                    .bind(i64::from(page.most))
                    .fetch_all(self.reads())
                    .await?
                    .into_iter()
                    .map(AuditEntry::try_from)
                    .collect()
            }

            async fn forget_audit_before(&self, time: DateTime<Utc>) -> Result<u64, StoreError> {
                let done = sqlx::query(FORGET)
                    .bind(micros(time))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(done.rows_affected())
            }
        }
    };
}

audit!(SqliteStore);
audit!(PostgresStore);
