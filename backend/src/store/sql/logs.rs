//! The lines of logs.

use async_trait::async_trait;

use super::{PostgresStore, SqliteStore};
use crate::store::words::{count, signed, time, value_of};
use crate::store::{DeploymentId, Held, Lease, Logs, StoreError, StoredLine};

/// Whether a lease is good.
pub(super) const IS_CARRIED: &str =
    "SELECT epoch FROM deployments WHERE id = $1 AND epoch = $2 AND standing = 'active'";

const FROM: &str = "SELECT line, at, phase, text FROM log_lines \
    WHERE deployment = $1 AND line >= $2 ORDER BY line LIMIT $3";

const NEXT: &str = "SELECT MAX(line) + 1 FROM log_lines WHERE deployment = $1";

#[derive(sqlx::FromRow)]
struct LineRow {
    line: i64,
    at: i64,
    phase: String,
    text: String,
}

impl TryFrom<LineRow> for StoredLine {
    type Error = StoreError;

    fn try_from(row: LineRow) -> Result<Self, StoreError> {
        Ok(Self {
            line: count("line", row.line)?,
            at: time("at", row.at)?,
            phase: value_of("phase", row.phase)?,
            text: row.text,
        })
    }
}

macro_rules! logs {
    ($store:ty) => {
        #[async_trait]
        impl Logs for $store {
            async fn add_lines(
                &self,
                lease: &Lease,
                lines: &[StoredLine],
            ) -> Result<Held, StoreError> {
                self.insert_lines(lease, lines).await
            }

            async fn lines(
                &self,
                id: DeploymentId,
                from: u64,
                most: u32,
            ) -> Result<Vec<StoredLine>, StoreError> {
                sqlx::query_as::<_, LineRow>(FROM)
                    .bind(id.to_string())
                    .bind(signed(from))
                    .bind(i64::from(most))
                    .fetch_all(self.reads())
                    .await?
                    .into_iter()
                    .map(StoredLine::try_from)
                    .collect()
            }

            async fn next_line(&self, id: DeploymentId) -> Result<u64, StoreError> {
                let next: Option<i64> = sqlx::query_scalar(NEXT)
                    .bind(id.to_string())
                    .fetch_one(self.reads())
                    .await?;
                count("line", next.unwrap_or(0))
            }
        }
    };
}

logs!(SqliteStore);
logs!(PostgresStore);
