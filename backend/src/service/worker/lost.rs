//! The loss of a lease.

/// Name logged as the one who cancelled a deployment that another node has taken over.
pub(crate) const TAKEN_OVER: &str = "the node that took it over";

/// This process no longer holds the deployment's lease.
pub(crate) struct Lost;
