//! Opens the configured database.

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{DeploymentId, PostgresStore, SqliteStore, Store, StoreError};
use crate::config::{self, KEY_FILE, NODE_FILE, SESSIONS_DIR};

/// Opens the configured store and runs its migrations.
///
/// # Errors
/// It cannot be opened, or belongs to another program; or an SQLite database is missing in a data directory that was
/// used before.
pub async fn open(config: &config::Store) -> Result<Arc<dyn Store>, StoreError> {
    match &config.database_url {
        Some(url) => Ok(Arc::new(PostgresStore::open(url).await?)),
        None => {
            make_private(&config.data_dir)?;
            Ok(Arc::new(open_sqlite(config).await?))
        }
    }
}

/// Opens the database in the data directory, and does not create one in place of a lost one: without the keys of the
/// former database, the service would be open to everyone.
async fn open_sqlite(config: &config::Store) -> Result<SqliteStore, StoreError> {
    let file = config.database_file();
    // Before the database is examined: the first start of another process creates the database first.
    let (key, traces) = (config.data_dir.join(KEY_FILE), traces_of_use(config));
    let has_key = key.exists();
    if is_empty(&file) {
        refuse_new(&file, has_key.then_some(key).into_iter().chain(traces))?;
        return SqliteStore::open(&file).await;
    }
    let store = SqliteStore::open(&file).await?;
    // A first start that was interrupted leaves a key beside an unused database.
    if !traces.is_empty() && store.is_unused().await? {
        store.close().await;
        refuse_new(&file, traces.into_iter())?;
    }
    Ok(store)
}

/// Returns what only a running service leaves in its data directory.
fn traces_of_use(config: &config::Store) -> Vec<PathBuf> {
    let (node, sessions) = (
        config.data_dir.join(NODE_FILE),
        config.data_dir.join(SESSIONS_DIR),
    );
    let mut traces = Vec::new();
    if node.exists() {
        traces.push(node);
    }
    if holds_deployments(&sessions) {
        traces.push(sessions);
    }
    traces
}

fn holds_deployments(sessions: &Path) -> bool {
    let entries = std::fs::read_dir(sessions).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse::<DeploymentId>().ok())
        .next()
        .is_some()
}

fn is_empty(file: &Path) -> bool {
    match std::fs::metadata(file) {
        Ok(metadata) => metadata.len() == 0,
        Err(fault) => fault.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Refuses a new database beside traces of a former one.
fn refuse_new(file: &Path, traces: impl Iterator<Item = PathBuf>) -> Result<(), StoreError> {
    let traces: Vec<_> = traces.map(|path| format!("`{}`", path.display())).collect();
    if traces.is_empty() {
        return Ok(());
    }
    Err(StoreError::Missing {
        path: file.to_owned(),
        traces: traces.join(" and "),
    })
}

fn make_private(path: &Path) -> Result<(), StoreError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| StoreError::Directory {
            path: path.to_owned(),
            source,
        })
}
