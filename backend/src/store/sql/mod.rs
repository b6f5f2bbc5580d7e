//! The store in SQL.
//!
//! Both databases read the same statements, with `$1` for what is bound, and the same types: whole numbers, text,
//! bytes. So a statement stands once, in the file of what it is about, with the code that binds it; a macro makes it
//! an implementation for each of the two. What differs is in `sqlite` and `postgres`: how a pool is opened, how a
//! deployment is claimed, how many lines are added at once, and the clock that leases go by.

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

use super::Held;
pub use postgres::PostgresStore;
pub use sqlite::SqliteStore;

/// Migrations, from the first on; a text never changes once it has been released.
fn migrator(texts: &'static [(&'static str, &'static str)]) -> Migrator {
    let numbered = (1..).zip(texts).map(|(number, (name, text))| {
        let text = SqlStr::from_static(text);
        Migration::new(number, (*name).into(), MigrationType::Simple, text, false)
    });
    Migrator::with_migrations(numbered.collect())
}

/// What a statement with a lease says by how many rows it changed.
const fn held(rows: u64) -> Held {
    match rows {
        0 => Held::Lost,
        _ => Held::Yes,
    }
}
