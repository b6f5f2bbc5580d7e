//! What the store cannot do.

use thiserror::Error;

/// Why something was not kept, or could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database could not be opened.
    #[error("the database could not be opened")]
    Open(#[source] sqlx::Error),
    /// The directory of the database could not be made.
    #[error("the data directory `{}` could not be made", .path.display())]
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
