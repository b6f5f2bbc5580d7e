//! SQLite: the default, in a file of the data directory.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection, SqlitePool, Transaction};
use tokio::time::{Instant, sleep};

use super::claims::{carried_by_me, is_next};
use super::migrator;
use super::row::{ClaimRow, deployment_columns};
use crate::store::columns::{micros, signed};
use crate::store::opened_files::OpenedFiles;
use crate::store::{Lease, LeaseState, Store, StoreError, StoredLine};

const MIGRATIONS: &[(&str, &str)] = &[
    (
        "records",
        include_str!("../../../migrations/sqlite/0001_records.sql"),
    ),
    (
        "decisions",
        include_str!("../../../migrations/sqlite/0002_decisions.sql"),
    ),
    (
        "rights",
        include_str!("../../../migrations/sqlite/0003_rights.sql"),
    ),
    (
        "sealing",
        include_str!("../../../migrations/sqlite/0004_sealing.sql"),
    ),
    (
        "outcomes",
        include_str!("../../../migrations/sqlite/0005_outcomes.sql"),
    ),
    (
        "warnings",
        include_str!("../../../migrations/sqlite/0006_warnings.sql"),
    ),
    (
        "turns",
        include_str!("../../../migrations/sqlite/0007_turns.sql"),
    ),
    (
        "log_phases",
        include_str!("../../../migrations/sqlite/0008_log_phases.sql"),
    ),
    (
        "sandbox",
        include_str!("../../../migrations/sqlite/0009_sandbox.sql"),
    ),
    (
        "queue_state",
        include_str!("../../../migrations/sqlite/0010_queue_state.sql"),
    ),
    (
        "node_place",
        include_str!("../../../migrations/sqlite/0011_node_place.sql"),
    ),
];

/// How long a statement waits for another process, such as `iac-backend keys`, to finish writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause between two attempts to open a database that another process is creating.
const BUSY_PAUSE: Duration = Duration::from_millis(20);
/// Number of reading connections, besides the one that writes.
const READERS: u32 = 4;

/// A single statement: it takes the write lock first, so it changes what it sees.
const CLAIM: &str = concat!(
    "UPDATE deployments SET ",
    carried_by_me!("CAST(unixepoch('subsec') * 1000000 AS INTEGER)"),
    " WHERE seq = (SELECT it.seq FROM deployments it WHERE ",
    is_next!(),
    " ORDER BY it.seq LIMIT 1) RETURNING epoch, sealed_secrets, ",
    deployment_columns!()
);

const IS_UNUSED: &str = "SELECT NOT EXISTS (SELECT 1 FROM sealing_check) AND NOT EXISTS (SELECT 1 FROM api_keys) \
    AND NOT EXISTS (SELECT 1 FROM deployments) AND NOT EXISTS (SELECT 1 FROM audit)";

/// The store in an SQLite file.
///
/// It writes only while the path leads to the files that it has opened.
///
/// One connection writes, so the writers of this process queue for it instead of finding the database busy.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    /// Whether the writing connection may be set not to wait for the disk.
    is_relaxed: Arc<AtomicBool>,
    readers: SqlitePool,
    files: OpenedFiles,
}

impl SqliteStore {
    /// Opens the file, creating it with mode 0600 if it is missing, and runs its migrations.
    ///
    /// # Errors
    /// The file cannot be opened, or is a database of another program.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        private(file)?;
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            // Durable commits must survive a power failure; lower levels may lose the last ones.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            // Overwrites deleted data, which includes encrypted secrets.
            .pragma("secure_delete", "ON");
        let pool = |most| {
            SqlitePoolOptions::new()
                .max_connections(most)
                .idle_timeout(None)
                .max_lifetime(None)
                .after_release(|connection, _| {
                    Box::pin(async move {
                        // Rolls back a dropped transaction. After a full disk, SQLite has rolled back by itself, and
                        // the connection would count a transaction that no longer exists.
                        connection.ping().await?;
                        Ok(!connection.is_in_transaction())
                    })
                })
        };
        let writer = connect_when_free(|| pool(1).connect_with(options.clone()))
            .await
            .map_err(StoreError::Open)?;
        migrate(&mut *writer.acquire().await.map_err(StoreError::Open)?).await?;
        let files = OpenedFiles::of(file).map_err(|source| StoreError::Unwritable {
            path: file.to_owned(),
            source,
        })?;
        let opened = files.clone();
        let readers = pool(READERS)
            // All at once: later, the path may lead to other files.
            .min_connections(READERS)
            .after_connect(move |_, _| {
                let checked = opened
                    .check()
                    .map_err(|fault| io::Error::other(fault).into());
                Box::pin(async move { checked })
            })
            .connect_with(options.read_only(true))
            .await
            .map_err(StoreError::Open)?;
        Ok(Self {
            writer,
            is_relaxed: Arc::default(),
            readers,
            files,
        })
    }

    /// Returns whether nothing was ever stored: no service has started, and no key was created.
    pub(in crate::store) async fn is_unused(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar(IS_UNUSED)
            .fetch_one(&self.readers)
            .await?)
    }

    /// Returns the writing connection; when a commit returns, it and all earlier ones are on disk.
    pub(super) async fn durable(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut writer = self.writer.acquire().await?;
        self.files.check()?;
        if self.is_relaxed.load(Ordering::Relaxed) {
            sqlx::query("PRAGMA synchronous = FULL")
                .execute(&mut *writer)
                .await?;
            self.is_relaxed.store(false, Ordering::Relaxed);
        }
        Ok(writer)
    }

    /// Returns the writing connection for data that can be written again if lost: it does not wait for the disk.
    pub(super) async fn repeatable(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut writer = self.writer.acquire().await?;
        self.files.check()?;
        // Set the flag first: if this future is dropped here, the connection's setting is unknown.
        if !self.is_relaxed.swap(true, Ordering::Relaxed) {
            sqlx::query("PRAGMA synchronous = NORMAL")
                .execute(&mut *writer)
                .await?;
        }
        Ok(writer)
    }

    pub(super) const fn reads(&self) -> &SqlitePool {
        &self.readers
    }

    pub(super) async fn claim_next(
        &self,
        node: &str,
        lease: i64,
    ) -> Result<Option<ClaimRow>, StoreError> {
        let claimed = sqlx::query_as(CLAIM)
            .bind(node)
            .bind(lease)
            .fetch_optional(&mut *self.durable().await?)
            .await?;
        Ok(claimed)
    }

    /// Moves the write-ahead log into the database file, and truncates the log.
    pub(super) async fn overwrite_deleted(&self) -> Result<(), StoreError> {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut *self.durable().await?)
            .await?;
        Ok(())
    }

    pub(super) async fn insert_lines(
        &self,
        lease: &Lease,
        lines: &[StoredLine],
    ) -> Result<LeaseState, StoreError> {
        let mut writer = self.repeatable().await?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
        if !is_active(&mut transaction, lease).await? {
            return Ok(LeaseState::Lost);
        }
        let deployment = lease.deployment.to_string();
        for lines in lines.chunks(LINES_AT_A_TIME) {
            let mut insert = QueryBuilder::new(INSERT_LINES);
            insert.push_values(lines, |mut row, line| {
                row.push_bind(&deployment)
                    .push_bind(signed(line.line))
                    .push_bind(micros(line.at))
                    .push_bind(line.phase.word())
                    .push_bind(&line.text);
            });
            insert.push(" ON CONFLICT DO NOTHING");
            // The statement differs with the number of lines.
            let insert = insert.build().persistent(false);
            insert.execute(&mut *transaction).await?;
        }
        for (phase, first, last) in super::logs::phases_of(lines) {
            sqlx::query::<Sqlite>(super::logs::NOTE_PHASE)
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
        let mut writer = self.repeatable().await?;
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
        if !is_active(&mut transaction, lease).await? {
            return Ok(LeaseState::Lost);
        }
        sqlx::query::<Sqlite>(super::logs::LEAVE_OUT)
            .bind(lease.deployment.to_string())
            .bind(signed(marker.line))
            .bind(signed(last))
            .execute(&mut *transaction)
            .await?;
        sqlx::query::<Sqlite>(super::logs::INSERT_MARKER)
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

#[async_trait]
impl Store for SqliteStore {
    async fn close(&self) {
        self.readers.close().await;
        // The last one: a connection that may only read cannot remove the write-ahead log.
        self.writer.close().await;
    }
}

/// Connects, and waits for another process that is creating the same database: SQLite does not apply the busy timeout
/// to the change to a write-ahead log.
async fn connect_when_free<C>(connect: impl Fn() -> C) -> Result<SqlitePool, sqlx::Error>
where
    C: Future<Output = Result<SqlitePool, sqlx::Error>>,
{
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connect().await {
            Err(fault) if is_busy(&fault) && Instant::now() < deadline => sleep(BUSY_PAUSE).await,
            connected => return connected,
        }
    }
}

fn is_busy(fault: &sqlx::Error) -> bool {
    const BUSY: i32 = 5;
    let code = fault
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| code & 0xff == BUSY)
}

/// Applies the missing migrations in one transaction.
///
/// The transaction begins with the write lock, before it reads which migrations are missing: processes that open the
/// database at the same time wait for each other. A database that lacks none is only read.
async fn migrate(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let migrator = migrator(MIGRATIONS);
    let applied = sqlx::query_scalar::<Sqlite, i64>("SELECT COUNT(*) FROM _sqlx_migrations")
        .fetch_one(&mut *writer)
        .await;
    if applied.is_ok_and(|count| usize::try_from(count).is_ok_and(|it| it >= MIGRATIONS.len())) {
        let checked = migrator.run_direct(None, writer, false).await;
        return checked.map_err(StoreError::Migrate);
    }
    let begun = writer.begin_with("BEGIN IMMEDIATE").await;
    let mut transaction = begun.map_err(StoreError::Open)?;
    migrator
        .run_direct(None, &mut *transaction, false)
        .await
        .map_err(StoreError::Migrate)?;
    transaction.commit().await.map_err(StoreError::Open)
}

/// Returns whether the lease is valid.
async fn is_active(
    transaction: &mut Transaction<'_, Sqlite>,
    lease: &Lease,
) -> Result<bool, StoreError> {
    let carried: Option<i64> = sqlx::query_scalar::<Sqlite, _>(super::logs::IS_CARRIED)
        .bind(lease.deployment.to_string())
        .bind(lease.epoch)
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(carried.is_some())
}

const INSERT_LINES: &str = "INSERT INTO log_lines (deployment, line, at, phase, text) ";
/// Lines per statement; each binds five values, and SQLite allows 32,766.
const LINES_AT_A_TIME: usize = 1000;

/// Creates the file for its owner only, before SQLite creates it with the umask; SQLite gives its journals the same
/// mode.
fn private(file: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map(drop)
        .map_err(|source| StoreError::Unwritable {
            path: file.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn synchronous(connection: &mut PoolConnection<Sqlite>) -> i64 {
        sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut **connection)
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn only_what_can_be_written_again_does_not_wait_for_the_disk() {
        const NORMAL: i64 = 1;
        const FULL: i64 = 2;
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("db")).await.unwrap();
        for _ in 0..2 {
            assert_eq!(synchronous(&mut store.durable().await.unwrap()).await, FULL);
            assert_eq!(synchronous(&mut store.durable().await.unwrap()).await, FULL);
            assert_eq!(
                synchronous(&mut store.repeatable().await.unwrap()).await,
                NORMAL
            );
            assert_eq!(
                synchronous(&mut store.repeatable().await.unwrap()).await,
                NORMAL
            );
        }
    }

    #[tokio::test]
    async fn a_connection_whose_transaction_sqlite_has_ended_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("db")).await.unwrap();
        for _ in 0..2 {
            let mut writer = store.repeatable().await.unwrap();
            let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
            // As SQLite does by itself when the disk is full.
            sqlx::query("ROLLBACK")
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap_err();
        }
        let mut writer = store.durable().await.unwrap();
        let transaction = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        transaction.commit().await.unwrap();
    }
}
