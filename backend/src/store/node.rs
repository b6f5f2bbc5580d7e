//! Node names: each belongs to one data directory.

use std::time::Duration;

/// A process that serves under a node name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The name, by which deployments say who carries them.
    pub name: String,
    /// What the data directory keeps: the name belongs to it.
    pub identity: String,
    /// The process, another one at each start.
    pub process: String,
}

/// What came of asking for a node name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameAnswer {
    /// The process has it.
    Taken,
    /// Another data directory has it, and a process there gives signs of life.
    InUse {
        /// How long its lease lasts if no further sign comes.
        lease_left: Duration,
    },
    /// Another data directory has it and still carries deployments, whose sessions are there.
    Carries {
        /// How many.
        deployments: u64,
    },
}
