//! Restarts, crashes and faults of the store.

pub(super) mod crashes;
pub(super) mod draining;
pub(super) mod faults;
pub(super) mod locked_store;
pub(super) mod lost_database;
pub(super) mod lost_sessions;
pub(super) mod restart;
pub(super) mod sealing_key;
