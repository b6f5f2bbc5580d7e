//! Who carries a deployment, and the token that says so.

use super::{Deployment, DeploymentId};

/// The right to write about an active deployment, until somebody takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The deployment.
    pub deployment: DeploymentId,
    /// Grows with each claim; who writes with a former one changes nothing.
    pub epoch: i64,
}

/// A deployment that was claimed.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to write about it.
    pub lease: Lease,
    /// Its record.
    pub deployment: Deployment,
    /// The secrets of its request, sealed; none if it has none.
    pub sealed_secrets: Option<Vec<u8>>,
}

/// Whether a lease was still good, and so whether something was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// It was, and it was.
    Yes,
    /// The deployment was taken over, or is over; nothing was written.
    Lost,
}

/// Which active deployments are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of this node, which a former process of it left.
    Own,
    /// Those of any node whose leases have run out.
    Expired,
}
