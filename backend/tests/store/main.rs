//! The store, on both databases: each test runs on a real SQLite file and on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod audit;
#[allow(
    dead_code,
    reason = "shared with the tests of the library; this needs a part of it"
)]
#[path = "../../../tests/support/bounded.rs"]
mod bounded;
mod claims;
mod decisions;
mod keys;
mod logs;
mod nodes;
mod postgres_server;
mod queue;
mod records;
mod sealing;
mod secrets;
mod upgrade;

mod concurrency;
mod test_env;
