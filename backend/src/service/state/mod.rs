//! State that the parts of the service share. Clones of each type share one value.

pub(super) mod active_deployments;
pub(super) mod retrying_store;
pub(super) mod stop_signal;
pub(super) mod wake_signal;
