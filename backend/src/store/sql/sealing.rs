//! The check value of the sealing key.

use async_trait::async_trait;

use super::{PostgresStore, SqliteStore};
use crate::store::{DeploymentId, Sealing, StoreError};

const CHECK: &str = "SELECT sealed FROM sealing_check";

const KEEP: &str =
    "INSERT INTO sealing_check (only_row, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING";

const REPLACE: &str = "INSERT INTO sealing_check (only_row, sealed) VALUES (1, $1) \
    ON CONFLICT (only_row) DO UPDATE SET sealed = excluded.sealed";

const SAMPLE: &str =
    "SELECT id, sealed_secrets FROM deployments WHERE sealed_secrets IS NOT NULL LIMIT 1";

macro_rules! sealing {
    ($store:ty) => {
        #[async_trait]
        impl Sealing for $store {
            async fn sealing_check(&self) -> Result<Option<Vec<u8>>, StoreError> {
                Ok(sqlx::query_scalar(CHECK)
                    .fetch_optional(self.reads())
                    .await?)
            }

            async fn keep_sealing_check(&self, sealed: &[u8]) -> Result<(), StoreError> {
                sqlx::query(KEEP)
                    .bind(sealed)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }

            async fn replace_sealing_check(&self, sealed: &[u8]) -> Result<(), StoreError> {
                sqlx::query(REPLACE)
                    .bind(sealed)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }

            async fn any_sealed_secrets(
                &self,
            ) -> Result<Option<(DeploymentId, Vec<u8>)>, StoreError> {
                let found: Option<(String, Vec<u8>)> =
                    sqlx::query_as(SAMPLE).fetch_optional(self.reads()).await?;
                let malformed = |_| StoreError::Malformed { column: "id" };
                found
                    .map(|(id, sealed)| Ok((id.parse().map_err(malformed)?, sealed)))
                    .transpose()
            }
        }
    };
}

sealing!(SqliteStore);
sealing!(PostgresStore);
