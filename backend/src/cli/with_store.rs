//! Opens the store for a program that runs, and closes it after that.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tracing::warn;

use crate::config;
use crate::store::{self, Store};

/// How long to wait for the store to close, and then for the tasks that still run.
const CLOSED_WITHIN: Duration = Duration::from_secs(5);

/// Runs a future with the store, and closes the store when the future ends, also after an error.
pub(super) fn with_store<T>(
    runtime: Runtime,
    config: &config::Store,
    work: impl AsyncFnOnce(Arc<dyn Store>) -> Result<T, Box<dyn Error>>,
) -> Result<T, Box<dyn Error>> {
    let done = runtime.block_on(async {
        let store = store::open(config).await?;
        let done = work(store.clone()).await;
        if timeout(CLOSED_WITHIN, store.close()).await.is_err() {
            warn!("store not closed in time");
        }
        done
    });
    runtime.shutdown_timeout(CLOSED_WITHIN);
    done
}

/// Returns a runtime for a command of the command line.
pub(super) fn single_threaded() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
