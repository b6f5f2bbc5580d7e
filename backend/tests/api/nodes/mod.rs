//! Several services on one database.

pub(super) mod copies;
pub(super) mod names;
pub(super) mod on_postgres;
pub(super) mod shared_database;
