//! What the store cannot do.

use thiserror::Error;

/// Why something was not kept, or could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database could not be opened.
    #[error("the database could not be opened")]
    Open(#[source] sqlx::Error),
    /// The file of the database cannot be written.
    #[error(
        "the database `{}` cannot be written: its directory has to belong to this user, or be another one, by \
         `store.data_dir` (--data-dir)", .path.display()
    )]
    Unwritable {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The directory of the database could not be made.
    #[error(
        "the data directory `{}` could not be made; `store.data_dir` (--data-dir) names another one",
        .path.display()
    )]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The tables could not be brought up to date.
    #[error("the tables of the database could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database refused, or did not answer.
    #[error("the database did not do what was asked")]
    Database(#[from] sqlx::Error),
    /// A row holds what was never written by this program.
    #[error("the database holds `{column}` that cannot be understood")]
    Malformed {
        /// The column.
        column: &'static str,
    },
}
