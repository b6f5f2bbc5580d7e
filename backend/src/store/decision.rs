//! A decision on its way to the node that runs the deployment.

use super::DeploymentId;

/// A decision made at another node.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedOver {
    /// Number under which it is answered.
    pub number: i64,
    /// The deployment that it concerns.
    pub deployment: DeploymentId,
    /// The decision and who made it, as JSON.
    pub decision: serde_json::Value,
}
