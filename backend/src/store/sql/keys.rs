//! API keys.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{PostgresStore, SqliteStore};
use crate::auth::{KeyDigest, KeyId};
use crate::store::columns::{micros, time};
use crate::store::{Keys, StoreError, StoredKey};

const ADD: &str = "INSERT INTO api_keys (id, digest, role, roles, name, created_at) VALUES ($1, $2, $3, $4, $5, $6)";

/// An older version of the service, which may use the same database, writes only `role`.
macro_rules! key_columns {
    () => {
        "id, digest, COALESCE(roles, role) AS roles, name, created_at, revoked_at"
    };
}

const BY_ID: &str = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE id = $1");

const ALL: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_keys ORDER BY created_at, id"
);

const REVOKE: &str = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    digest: Vec<u8>,
    roles: String,
    name: String,
    created_at: i64,
    revoked_at: Option<i64>,
}

impl TryFrom<KeyRow> for StoredKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let malformed = |column| StoreError::Malformed { column };
        Ok(Self {
            id: row.id.parse().map_err(|_| malformed("id"))?,
            digest: KeyDigest::kept(&row.digest).ok_or(malformed("digest"))?,
            roles: row.roles.parse().map_err(|_| malformed("roles"))?,
            name: row.name,
            created_at: time("created_at", row.created_at)?,
            revoked_at: row
                .revoked_at
                .map(|at| time("revoked_at", at))
                .transpose()?,
        })
    }
}

macro_rules! keys {
    ($store:ty) => {
        #[async_trait]
        impl Keys for $store {
            async fn add_key(&self, key: &StoredKey) -> Result<(), StoreError> {
                sqlx::query(ADD)
                    .bind(key.id.to_string())
                    .bind(key.digest.bytes())
                    .bind(key.roles.first().word())
                    .bind(key.roles.to_string())
                    .bind(&key.name)
                    .bind(micros(key.created_at))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }

            async fn key(&self, id: &KeyId) -> Result<Option<StoredKey>, StoreError> {
                sqlx::query_as::<_, KeyRow>(BY_ID)
                    .bind(id.to_string())
                    .fetch_optional(self.reads())
                    .await?
                    .map(StoredKey::try_from)
                    .transpose()
            }

            async fn keys(&self) -> Result<Vec<StoredKey>, StoreError> {
                sqlx::query_as::<_, KeyRow>(ALL)
                    .fetch_all(self.reads())
                    .await?
                    .into_iter()
                    .map(StoredKey::try_from)
                    .collect()
            }

            async fn revoke_key(&self, id: &KeyId, at: DateTime<Utc>) -> Result<bool, StoreError> {
                let done = sqlx::query(REVOKE)
                    .bind(id.to_string())
                    .bind(micros(at))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(done.rows_affected() > 0)
            }
        }
    };
}

keys!(SqliteStore);
keys!(PostgresStore);
