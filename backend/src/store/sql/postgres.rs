//! PostgreSQL: for several nodes.

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Postgres, Transaction};

use super::claims::{carried_by_me, is_next};
use super::migrator;
use super::row::{ClaimRow, deployment_columns};
use crate::store::columns::{micros, signed};
use crate::store::{Lease, LeaseState, Store, StoreError, StoredLine};

const MIGRATIONS: &[(&str, &str)] = &[
    (
        "records",
        include_str!("../../../migrations/postgres/0001_records.sql"),
    ),
    (
        "decisions",
        include_str!("../../../migrations/postgres/0002_decisions.sql"),
    ),
    (
        "rights",
        include_str!("../../../migrations/postgres/0003_rights.sql"),
    ),
    (
        "sealing",
        include_str!("../../../migrations/postgres/0004_sealing.sql"),
    ),
    (
        "outcomes",
        include_str!("../../../migrations/postgres/0005_outcomes.sql"),
    ),
    (
        "warnings",
        include_str!("../../../migrations/postgres/0006_warnings.sql"),
    ),
    (
        "turns",
        include_str!("../../../migrations/postgres/0007_turns.sql"),
    ),
    (
        "log_phases",
        include_str!("../../../migrations/postgres/0008_log_phases.sql"),
    ),
    (
        "sandbox",
        include_str!("../../../migrations/postgres/0009_sandbox.sql"),
    ),
    (
        "queue_state",
        include_str!("../../../migrations/postgres/0010_queue_state.sql"),
    ),
    (
        "node_place",
        include_str!("../../../migrations/postgres/0011_node_place.sql"),
    ),
];

/// How long to wait for a connection before the database counts as not answering.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of one node.
const CONNECTIONS: u32 = 8;
/// How often a claim is retried if another node was faster.
const CLAIM_ATTEMPTS: u32 = 16;

/// Skips rows that another node is about to claim.
///
/// A deployment that became visible after an older snapshot was taken might be claimed beside another one of its
/// workspace; then the unique index rejects the claim, and it is retried.
const CLAIM: &str = concat!(
    "WITH next AS (SELECT it.seq FROM deployments it WHERE ",
    is_next!(),
    " ORDER BY it.seq LIMIT 1 FOR UPDATE SKIP LOCKED) UPDATE deployments SET ",
    carried_by_me!("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"),
    " WHERE seq IN (SELECT next.seq FROM next) RETURNING epoch, sealed_secrets, ",
    deployment_columns!()
);

/// Locks the row until the lines are stored, so that no other node takes the deployment over in between.
const LOCK: &str = "SELECT epoch FROM deployments WHERE id = $1 AND epoch = $2 AND queue_state = 'active' FOR SHARE";

const INSERT_LINES: &str = "INSERT INTO log_lines (deployment, line, at, phase, text) \
    SELECT $1, * FROM UNNEST($2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[]) ON CONFLICT DO NOTHING";

/// The store in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
}

#[async_trait]
impl Store for PostgresStore {
    async fn close(&self) {
        self.pool.close().await;
    }
}

impl PostgresStore {
    /// Connects to the database and runs its migrations.
    ///
    /// # Errors
    /// The database does not answer, or belongs to another program.
    pub async fn open(url: &SecretString) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url.expose_secret())
            .map_err(StoreError::Open)?
            .application_name("iac-backend");
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await
            .map_err(StoreError::Open)?;
        migrator(MIGRATIONS)
            .run(&pool)
            .await
            .map_err(StoreError::Migrate)?;
        Ok(Self { pool })
    }

    /// Returns a connection; the server's configuration decides when a commit is on disk.
    pub(super) async fn durable(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.pool.acquire().await?)
    }

    /// Same as `durable`: the server makes no difference for data that can be written again.
    pub(super) async fn repeatable(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        self.durable().await
    }

    pub(super) const fn reads(&self) -> &PgPool {
        &self.pool
    }

    pub(super) async fn claim_next(
        &self,
        node: &str,
        lease: i64,
    ) -> Result<Option<ClaimRow>, StoreError> {
        let mut attempt = 1;
        loop {
            let claimed = sqlx::query_as(CLAIM)
                .bind(node)
                .bind(lease)
                .fetch_optional(&self.pool)
                .await;
            match claimed {
                Err(sqlx::Error::Database(error))
                    if error.is_unique_violation() && attempt < CLAIM_ATTEMPTS =>
                {
                    attempt += 1;
                }
                claimed => return Ok(claimed?),
            }
        }
    }

    /// Does nothing: vacuum removes deleted data.
    pub(super) async fn overwrite_deleted(&self) -> Result<(), StoreError> {
        Ok(())
    }

    pub(super) async fn insert_lines(
        &self,
        lease: &Lease,
        lines: &[StoredLine],
    ) -> Result<LeaseState, StoreError> {
        let mut transaction = self.pool.begin().await?;
        if !is_active(&mut transaction, lease).await? {
            return Ok(LeaseState::Lost);
        }
        let column = |of: fn(&StoredLine) -> i64| lines.iter().map(of).collect::<Vec<_>>();
        let phases: Vec<&str> = lines.iter().map(|line| line.phase.word()).collect();
        // PostgreSQL text cannot contain NUL.
        let texts: Vec<String> = lines
            .iter()
            .map(|line| line.text.replace('\0', "\u{fffd}"))
            .collect();
        sqlx::query::<Postgres>(INSERT_LINES)
            .bind(lease.deployment.to_string())
            .bind(column(|line| signed(line.line)))
            .bind(column(|line| micros(line.at)))
            .bind(phases)
            .bind(texts)
            .execute(&mut *transaction)
            .await?;
        for (phase, first, last) in super::logs::phases_of(lines) {
            sqlx::query::<Postgres>(super::logs::NOTE_PHASE)
                .bind(lease.deployment.to_string())
                .bind(phase.word())
                .bind(signed(first))
                .bind(signed(last))
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(LeaseState::Yes)
    }

    pub(super) async fn replace_lines(
        &self,
        lease: &Lease,
        marker: &StoredLine,
        last: u64,
    ) -> Result<LeaseState, StoreError> {
        let mut transaction = self.pool.begin().await?;
        if !is_active(&mut transaction, lease).await? {
            return Ok(LeaseState::Lost);
        }
        sqlx::query::<Postgres>(super::logs::LEAVE_OUT)
            .bind(lease.deployment.to_string())
            .bind(signed(marker.line))
            .bind(signed(last))
            .execute(&mut *transaction)
            .await?;
        sqlx::query::<Postgres>(super::logs::INSERT_MARKER)
            .bind(lease.deployment.to_string())
            .bind(signed(marker.line))
            .bind(micros(marker.at))
            .bind(marker.phase.word())
            .bind(&marker.text)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(LeaseState::Yes)
    }
}

/// Returns whether the lease is valid, and locks its row if so.
async fn is_active(
    transaction: &mut Transaction<'_, Postgres>,
    lease: &Lease,
) -> Result<bool, StoreError> {
    let carried: Option<i64> = sqlx::query_scalar::<Postgres, _>(LOCK)
        .bind(lease.deployment.to_string())
        .bind(lease.epoch)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(carried.is_some())
}
