//! Node names: each belongs to one data directory.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::Connection;

use super::{PostgresStore, SqliteStore, held};
use crate::store::columns::count;
use crate::store::node::{StoredNode, answer};
use crate::store::{LeaseState, NameAnswer, Node, Nodes, StoreError};

/// A node without deployments is deleted this long after its last heartbeat.
const FORGET_AFTER: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Nodes that have the name or the identity of one that starts.
const ALIKE: &str = "SELECT identity, place, lease_until, (SELECT COUNT(*) FROM deployments it \
    WHERE it.node = nodes.name AND it.queue_state = 'active') FROM nodes WHERE name = $1 OR identity = $2";

/// Moves the deployments of the data directory from its previous name to the new one.
const RENAME: &str = "UPDATE deployments SET node = $1 WHERE queue_state = 'active' \
    AND node IN (SELECT it.name FROM nodes it WHERE it.identity = $2 AND it.name <> $1)";

const FORGET_FORMER: &str = "DELETE FROM nodes WHERE identity = $2 AND name <> $1";

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

/// Implements the trait, with the statements that begin a transaction and keep other processes from taking names until
/// its end, and with the clock of the database.
macro_rules! nodes {
    ($store:ty, $begin:literal, $lock:expr, $now:literal) => {
        #[async_trait]
        impl Nodes for $store {
            async fn take_name(
                &self,
                node: &Node,
                lease: Duration,
            ) -> Result<NameAnswer, StoreError> {
                let mut writer = self.durable().await?;
                let mut transaction = writer.begin_with($begin).await?;
                let lock: Option<&'static str> = $lock;
                if let Some(lock) = lock {
                    sqlx::query(lock).execute(&mut *transaction).await?;
                }
                let rows: Vec<(String, Option<String>, i64, i64)> = sqlx::query_as(ALIKE)
                    .bind(&node.name)
                    .bind(&node.identity)
                    .fetch_all(&mut *transaction)
                    .await?;
                let mut alike = Vec::new();
                for (identity, place, lease_until, deployments) in rows {
                    alike.push(StoredNode {
                        identity,
                        place,
                        lease_until,
                        deployments: count("deployments", deployments)?,
                    });
                }
                let now: i64 = sqlx::query_scalar(concat!("SELECT ", $now))
                    .fetch_one(&mut *transaction)
                    .await?;
                let told = answer(node, &alike, now);
                if told != NameAnswer::Taken {
                    transaction.rollback().await?;
                    return Ok(told);
                }
                let take = concat!(
                    "INSERT INTO nodes (name, identity, place, process, lease_until) VALUES ($1, $2, $3, $4, ",
                    $now,
                    " + $5) ON CONFLICT (name) DO UPDATE SET identity = excluded.identity, place = excluded.place, \
                     process = excluded.process, lease_until = excluded.lease_until"
                );
                sqlx::query(take)
                    .bind(&node.name)
                    .bind(&node.identity)
                    .bind(&node.place)
                    .bind(&node.process)
                    .bind(micros(lease))
                    .execute(&mut *transaction)
                    .await?;
                for statement in [RENAME, FORGET_FORMER] {
                    sqlx::query(statement)
                        .bind(&node.name)
                        .bind(&node.identity)
                        .execute(&mut *transaction)
                        .await?;
                }
                let forget = concat!(
                    "DELETE FROM nodes WHERE lease_until + $1 < ",
                    $now,
                    " AND NOT EXISTS (SELECT 1 FROM deployments it \
                     WHERE it.node = nodes.name AND it.queue_state = 'active')"
                );
                sqlx::query(forget)
                    .bind(micros(FORGET_AFTER))
                    .execute(&mut *transaction)
                    .await?;
                transaction.commit().await?;
                Ok(NameAnswer::Taken)
            }

            async fn renew_name(
                &self,
                node: &Node,
                lease: Duration,
            ) -> Result<LeaseState, StoreError> {
                let statement = concat!(
                    "UPDATE nodes SET lease_until = ",
                    $now,
                    " + $3 WHERE name = $1 AND process = $2"
                );
                let done = sqlx::query(statement)
                    .bind(&node.name)
                    .bind(&node.process)
                    .bind(micros(lease))
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(held(done.rows_affected()))
            }

            async fn leave_name(&self, node: &Node) -> Result<(), StoreError> {
                let statement = concat!(
                    "UPDATE nodes SET lease_until = ",
                    $now,
                    " WHERE name = $1 AND process = $2"
                );
                sqlx::query(statement)
                    .bind(&node.name)
                    .bind(&node.process)
                    .execute(&mut *self.durable().await?)
                    .await?;
                Ok(())
            }
        }
    };
}

nodes!(
    SqliteStore,
    "BEGIN IMMEDIATE",
    None,
    "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
);
nodes!(
    PostgresStore,
    "BEGIN",
    // The heartbeats of other nodes wait as well.
    Some("LOCK TABLE nodes IN SHARE ROW EXCLUSIVE MODE"),
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
);
