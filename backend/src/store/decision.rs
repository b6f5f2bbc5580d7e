//! A decision on its way to the node that carries the deployment.

use super::DeploymentId;

/// What somebody decided at another node.
#[derive(Clone, Debug, PartialEq)]
pub struct HandedOver {
    /// Its number, under which it is answered.
    pub number: i64,
    /// What it is about.
    pub deployment: DeploymentId,
    /// What was decided, and by whom; as JSON.
    pub decision: serde_json::Value,
}
