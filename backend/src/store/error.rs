//! Errors of the store.

use thiserror::Error;

/// Why the store could not write or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database could not be opened.
    #[error("the database could not be opened")]
    Open(#[source] sqlx::Error),
    /// The file of the database is not writable.
    #[error(
        "the database `{}` cannot be written: its directory has to belong to this user, or be another one, by \
         `store.data_dir` (--data-dir)", .path.display()
    )]
    Unwritable {
        /// The file.
        path: std::path::PathBuf,
        /// The system error.
        source: std::io::Error,
    },
    /// The directory of the database could not be created.
    #[error(
        "the data directory `{}` could not be made; `store.data_dir` (--data-dir) names another one",
        .path.display()
    )]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// The system error.
        source: std::io::Error,
    },
    /// A file of the database was removed or replaced after it was opened.
    #[error(
        "the database file `{}` was removed or replaced while the service was running: stop the service, restore the \
         file, and start the service again", .path.display()
    )]
    Replaced {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The database is missing or empty in a data directory that was used before.
    #[error(
        "the database `{}` is missing or empty, but {traces} shows that its data directory was used before: restore the \
         database from a backup, or set `DATABASE_URL` if the records are in PostgreSQL; to begin anew, without the former \
         records and keys, remove {traces} first", .path.display()
    )]
    Missing {
        /// The file.
        path: std::path::PathBuf,
        /// What shows that the data directory was used.
        traces: String,
    },
    /// The migrations failed.
    #[error("the tables of the database could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// The database returned an error, or did not answer.
    #[error("the database did not do what was asked")]
    Database(#[from] sqlx::Error),
    /// A row holds a value that this program never writes.
    #[error("the database holds `{column}` that cannot be understood")]
    Malformed {
        /// The column.
        column: &'static str,
    },
}

impl StoreError {
    /// Returns whether the database cannot be reached or written at the moment, and may be later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Open(fault) | Self::Database(fault) => is_unavailable(fault),
            Self::Replaced { .. } => true,
            Self::Unwritable { .. }
            | Self::Directory { .. }
            | Self::Missing { .. }
            | Self::Migrate(_)
            | Self::Malformed { .. } => false,
        }
    }
}

fn is_unavailable(fault: &sqlx::Error) -> bool {
    match fault {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(fault) => {
            let code = fault.code().unwrap_or_default();
            match fault.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
                Some(_) => code.parse().is_ok_and(is_unavailable_sqlite),
                None => is_unavailable_postgres(&code),
            }
        }
        _ => false,
    }
}

/// Returns whether an SQLite result code means locked, read-only, full or unreadable. The low byte has the primary
/// code.
const fn is_unavailable_sqlite(code: i32) -> bool {
    const BUSY: i32 = 5;
    const LOCKED: i32 = 6;
    const READONLY: i32 = 8;
    const IOERR: i32 = 10;
    const FULL: i32 = 13;
    const CANTOPEN: i32 = 14;
    matches!(
        code & 0xff,
        BUSY | LOCKED | READONLY | IOERR | FULL | CANTOPEN
    )
}

/// Returns whether an SQLSTATE means a server that cannot be reached, is out of resources, or is shutting down (by
/// class), or a read-only server (by code).
fn is_unavailable_postgres(code: &str) -> bool {
    const READ_ONLY: &str = "25006";
    // Connection, authorization, unknown database, resources, server state, operator intervention, system error.
    const CLASSES: [&str; 7] = ["08", "28", "3D", "53", "55", "57", "58"];
    code == READ_ONLY || CLASSES.iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_may_answer_later_is_unavailable() {
        // Busy, a snapshot that is too old, locked, read-only, full, I/O, cannot open; constraint, error, corrupt.
        let codes = [5, 517, 6, 8, 13, 10, 14, 19, 1, 11];
        let unavailable = codes.map(is_unavailable_sqlite);
        assert_eq!(
            unavailable,
            [
                true, true, true, true, true, true, true, false, false, false
            ]
        );
        for code in [
            "08006", "25006", "53100", "53300", "57P01", "57P03", "3D000", "28P01",
        ] {
            assert!(is_unavailable_postgres(code), "{code}");
        }
        for code in ["", "23505", "42P01", "25P02", "22P05"] {
            assert!(!is_unavailable_postgres(code), "{code}");
        }
        let pool = StoreError::Database(sqlx::Error::PoolTimedOut);
        assert!(pool.is_unavailable());
        let malformed = StoreError::Malformed { column: "id" };
        assert!(!malformed.is_unavailable());
    }
}
