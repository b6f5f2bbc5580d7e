//! Claims of deployments, and the leases that they grant.

use super::{Deployment, DeploymentId};

/// The right to write to an active deployment, until another process takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Grows with each claim; writes with an earlier epoch have no effect.
    pub epoch: i64,
}

/// A claimed deployment.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to write to it.
    pub lease: Lease,
    /// Its record.
    pub deployment: Deployment,
    /// The encrypted secrets of its request; `None` if it has none.
    pub sealed_secrets: Option<Vec<u8>>,
}

/// Whether a lease was still valid, and so whether the write took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum LeaseState {
    /// The lease was valid, and the write took effect.
    Yes,
    /// The deployment was taken over or has ended; nothing was written.
    Lost,
}

/// Which active deployments to take over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// This one of the node, left by a previous process.
    Own(DeploymentId),
    /// Those of any node whose leases have expired.
    Expired,
}
