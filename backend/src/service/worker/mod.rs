//! Runs claimed deployments and copies what they report into the store.

pub(super) mod active_deployments;
pub(super) mod drain;
pub(super) mod execute;
pub(super) mod fence;
pub(super) mod log_limit;
pub(super) mod lost;
pub(super) mod sync;
