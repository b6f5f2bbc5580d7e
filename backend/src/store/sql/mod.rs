//! The store in SQL.
//!
//! Both databases accept the same statements, with `$1` for bound values, and the same types: integers, text, bytes. So
//! each statement exists once, in the file of its subject, next to the code that binds it; a macro generates an
//! implementation for each database. `sqlite` and `postgres` hold the differences: how to open a pool, how to claim a
//! deployment, how many lines to insert at once, and the clock of leases.

mod audit;
mod claims;
mod decisions;
mod deployments;
mod keys;
mod logs;
mod nodes;
mod postgres;
mod row;
mod sealing;
mod sqlite;

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::LeaseState;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// Returns the migrations, numbered from 1; a released migration never changes.
fn migrator(texts: &'static [(&'static str, &'static str)]) -> Migrator {
    let numbered = (1..).zip(texts).map(|(number, (name, text))| {
        let text = SqlStr::from_static(text);
        Migration::new(number, (*name).into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(numbered.collect())
}

/// Returns whether a statement with a lease took effect, from the number of rows it changed.
const fn held(rows: u64) -> LeaseState {
    match rows {
        0 => LeaseState::Lost,
        _ => LeaseState::Yes,
    }
}
