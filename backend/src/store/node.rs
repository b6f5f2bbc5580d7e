//! Node names: each belongs to one data directory.

use std::time::Duration;

/// A process that runs under a node name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name that deployments refer to.
    pub name: String,
    /// Identity from the data directory that the name belongs to.
    pub identity: String,
    /// Id of the process, a new one at each start.
    pub process: String,
}

/// Result of a request for a node name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameAnswer {
    /// The process has the name.
    Taken,
    /// Another data directory has the name, and its lease is valid.
    InUse {
        /// Time until the lease expires if it is not renewed.
        lease_left: Duration,
    },
    /// Another data directory has the name and still runs deployments, whose sessions it holds.
    Carries {
        /// How many.
        deployments: u64,
    },
}
