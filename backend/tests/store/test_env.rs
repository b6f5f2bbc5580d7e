//! A store for each test, and test data.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use iac_backend::store::{
    DeploymentId, Ending, NewAuditEntry, NewDeployment, PostgresStore, SqliteStore, Store, Target,
    Turn,
};
use iac_runner::protocol::Tool;
use iac_runner::session::{Operation, Reason};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

use crate::postgres_server;

/// Longer than any test takes on a busy machine.
pub(crate) const BOUND: Duration = Duration::from_secs(240);
/// A lease that does not expire during a test.
pub(crate) const LONG: Duration = Duration::from_secs(3600);
/// A lease that has expired when it is granted.
pub(crate) const NONE: Duration = Duration::ZERO;

/// A database for one test.
pub(crate) enum Database {
    Sqlite(TempDir),
    Postgres(SecretString),
}

impl Database {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    pub(crate) async fn postgres() -> Self {
        Self::Postgres(postgres_server::new_database().await)
    }

    /// Opens another handle, as another process would.
    pub(crate) async fn open(&self) -> Box<dyn Store> {
        match self {
            Self::Sqlite(dir) => Box::new(
                SqliteStore::open(&dir.path().join("backend.db"))
                    .await
                    .unwrap(),
            ),
            Self::Postgres(url) => Box::new(PostgresStore::open(url).await.unwrap()),
        }
    }
}

impl Database {
    /// Executes statements without the store.
    pub(crate) async fn execute(&self, statements: String) {
        let statements = AssertSqlSafe(statements);
        match self {
            Self::Sqlite(dir) => {
                let file = dir.path().join("backend.db");
                let connection = SqliteConnection::connect(file.to_str().unwrap()).await;
                connection.unwrap().execute(statements).await.unwrap();
            }
            Self::Postgres(url) => {
                let connection = PgConnection::connect(url.expose_secret()).await;
                connection.unwrap().execute(statements).await.unwrap();
            }
        }
    }
}

/// Runs tests, which are functions of a database, on both databases.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = crate::test_env::Database::sqlite();
                let test = super::$name(&database);
                tokio::time::timeout(crate::test_env::BOUND, test).await.unwrap();
            })*
        }

        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let database = crate::test_env::Database::postgres().await;
                let test = super::$name(&database);
                tokio::time::timeout(crate::test_env::BOUND, test).await.unwrap();
            })*
        }
    };
}
pub(crate) use on_both;

/// Returns a new deployment of this repository.
pub(crate) fn of(repository: &str) -> NewDeployment {
    NewDeployment {
        id: DeploymentId::new(),
        target: Target {
            repository: repository.to_owned(),
            path: "net".to_owned(),
            workspace: None,
        },
        turn: Turn::InWorkspace,
        tool: Tool::Tofu,
        operation: Operation::Deploy,
        record: json!({"tool": "tofu", "git_url": repository, "env_vars": {"A": null}}),
        sealed_secrets: Some(b"\x01sealed\x00".to_vec()),
        started_by: "ann".to_owned(),
        created_at: now(),
    }
}

/// Returns the present time, in the precision of a database.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

pub(crate) fn ending(reason: Reason) -> Ending {
    Ending {
        reason,
        error: String::new(),
        at: now(),
    }
}

/// Returns an audit entry.
pub(crate) fn said(action: &str) -> NewAuditEntry {
    NewAuditEntry {
        at: now(),
        actor: "ann".to_owned(),
        action: action.to_owned(),
        deployment: None,
        detail: String::new(),
        by_starter: false,
    }
}
