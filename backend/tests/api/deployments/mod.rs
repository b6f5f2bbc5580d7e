//! Deployments from request to end.

pub(super) mod bodies;
pub(super) mod concurrency;
pub(super) mod deploying;
pub(super) mod from_git;
pub(super) mod queue;
pub(super) mod retrying;
pub(super) mod stopping;
pub(super) mod warnings;
