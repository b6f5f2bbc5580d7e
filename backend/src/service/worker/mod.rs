//! Runs claimed deployments and copies what they report into the store.

pub(super) mod claimer;
pub(super) mod drain;
pub(super) mod executor;
mod fence;
mod log_limit;
mod no_session;
pub(super) mod session_opener;
pub(super) mod sync;
