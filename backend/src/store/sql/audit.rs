//! Who did what.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{PostgresStore, SqliteStore};
use crate::store::words::{count, micros, signed, time};
use crate::store::{Audit, AuditEntry, AuditPage, NewAuditEntry, StoreError};

const RECORD: &str = "INSERT INTO audit (at, actor, action, deployment, detail, by_starter) VALUES ($1, $2, $3, $4, $5, $6)";

const TRAIL: &str = "SELECT seq, at, actor, action, deployment, detail, by_starter FROM audit \
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
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        let malformed = |_| StoreError::Malformed {
            column: "deployment",
        };
        Ok(Self {
            seq: count("seq", row.seq)?,
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
                sqlx::query(RECORD)
                    .bind(micros(entry.at))
                    .bind(&entry.actor)
                    .bind(&entry.action)
                    .bind(entry.deployment.map(|id| id.to_string()))
                    .bind(&entry.detail)
                    .bind(i64::from(entry.by_starter))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
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
