//! Opens the configured database.

use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use super::{PostgresStore, SqliteStore, Store, StoreError};
use crate::config;

/// Opens the configured store and runs its migrations.
///
/// # Errors
/// It cannot be opened, or belongs to another program.
pub async fn open(config: &config::Store) -> Result<Arc<dyn Store>, StoreError> {
    match &config.database_url {
        Some(url) => Ok(Arc::new(PostgresStore::open(url).await?)),
        None => {
            make_private(&config.data_dir)?;
            let file = config.database_file();
            Ok(Arc::new(SqliteStore::open(&file).await?))
        }
    }
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
