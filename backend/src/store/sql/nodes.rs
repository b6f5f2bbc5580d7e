//! Node names: each belongs to one data directory.

use std::time::Duration;

use async_trait::async_trait;

use super::{PostgresStore, SqliteStore, held};
use crate::store::columns::count;
use crate::store::{LeaseState, NameAnswer, Node, Nodes, StoreError};

/// A node without deployments is deleted this long after its last heartbeat.
const FORGET_AFTER: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Moves the deployments of the data directory from its previous name to the new one.
const RENAME: &str = "UPDATE deployments SET node = $1 WHERE queue_state = 'active' \
    AND node IN (SELECT it.name FROM nodes it WHERE it.identity = $2 AND it.name <> $1)";

const FORGET_FORMER: &str = "DELETE FROM nodes WHERE identity = $2 AND name <> $1";

const CARRIES: &str = "SELECT COUNT(*) FROM deployments WHERE node = $1 AND queue_state = 'active'";

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 2)
}

macro_rules! nodes {
    ($store:ty, $now:literal) => {
        #[async_trait]
        impl Nodes for $store {
            async fn take_name(
                &self,
                node: &Node,
                lease: Duration,
            ) -> Result<NameAnswer, StoreError> {
                let take = concat!(
                    "INSERT INTO nodes (name, identity, process, lease_until) VALUES ($1, $2, $3, ",
                    $now,
                    " + $4) ON CONFLICT (name) DO UPDATE SET identity = excluded.identity, \
                     process = excluded.process, lease_until = excluded.lease_until \
                     WHERE nodes.identity = excluded.identity OR (nodes.lease_until <= ",
                    $now,
                    " AND NOT EXISTS (SELECT 1 FROM deployments it \
                     WHERE it.node = excluded.name AND it.queue_state = 'active'))"
                );
                let done = sqlx::query(take)
                    .bind(&node.name)
                    .bind(&node.identity)
                    .bind(&node.process)
                    .bind(micros(lease))
                    .execute(&mut *self.durable().await?)
                    .await?;
                if done.rows_affected() == 0 {
                    return self.why_not(node).await;
                }
                for statement in [RENAME, FORGET_FORMER] {
                    sqlx::query(statement)
                        .bind(&node.name)
                        .bind(&node.identity)
                        .execute(&mut *self.durable().await?)
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
                    .execute(&mut *self.durable().await?)
                    .await?;
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

        impl $store {
            /// Returns why another data directory keeps the name.
            async fn why_not(&self, node: &Node) -> Result<NameAnswer, StoreError> {
                let left = concat!("SELECT lease_until - ", $now, " FROM nodes WHERE name = $1");
                let left: Option<i64> = sqlx::query_scalar(left)
                    .bind(&node.name)
                    .fetch_optional(self.reads())
                    .await?;
                let carried: i64 = sqlx::query_scalar(CARRIES)
                    .bind(&node.name)
                    .fetch_one(self.reads())
                    .await?;
                let left = u64::try_from(left.unwrap_or_default()).unwrap_or_default();
                Ok(if left == 0 && carried > 0 {
                    NameAnswer::Carries {
                        deployments: count("deployments", carried)?,
                    }
                } else {
                    NameAnswer::InUse {
                        lease_left: Duration::from_micros(left),
                    }
                })
            }
        }
    };
}

nodes!(
    SqliteStore,
    "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
);
nodes!(
    PostgresStore,
    "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
);
