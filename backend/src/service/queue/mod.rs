//! From a request to a queued deployment, and from the queue to a claim.

pub(super) mod dispatch;
pub(super) mod retry;
pub(super) mod start;
