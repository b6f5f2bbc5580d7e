//! Node names: each belongs to one data directory.

use std::time::Duration;

/// A process that runs under a node name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name that deployments refer to.
    pub name: String,
    /// Identity from the data directory that the name belongs to; copies of the directory have the same.
    pub identity: String,
    /// Place of the data directory, which no copy shares. The process holds the lock of the directory at this place.
    pub place: String,
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
    /// A process with a copy of the data directory, or with its original, has a valid lease.
    Copied {
        /// When the lease expires if it is not renewed, in microseconds since 1970 by the clock of the database.
        lease_until: i64,
        /// Time until then.
        lease_left: Duration,
    },
    /// Another data directory has the name and still runs deployments, whose sessions it holds.
    Carries {
        /// How many.
        deployments: u64,
    },
}

/// A stored node that has the name or the identity of one that starts.
#[derive(Clone, Debug, Default)]
pub(super) struct StoredNode {
    pub(super) identity: String,
    /// `None` if the last process was of a version that did not store it.
    pub(super) place: Option<String>,
    /// In microseconds since 1970.
    pub(super) lease_until: i64,
    /// Active deployments of the node.
    pub(super) deployments: u64,
}

/// Decides whether a process may take its name, from the nodes that have this name or its identity.
///
/// A node of the same place has no other process: the new one holds the lock of the directory. A node of the same
/// identity at another place is a copy or the original, whose process may be alive.
pub(super) fn answer(node: &Node, stored: &[StoredNode], now: i64) -> NameAnswer {
    for it in stored {
        let lease_left = u64::try_from(it.lease_until - now).unwrap_or_default();
        let is_alive = lease_left > 0;
        let lease_left = Duration::from_micros(lease_left);
        if it.identity == node.identity {
            let is_elsewhere = it.place.as_ref().is_some_and(|place| *place != node.place);
            if is_alive && is_elsewhere {
                return NameAnswer::Copied {
                    lease_until: it.lease_until,
                    lease_left,
                };
            }
        } else if is_alive {
            return NameAnswer::InUse { lease_left };
        } else if it.deployments > 0 {
            return NameAnswer::Carries {
                deployments: it.deployments,
            };
        }
    }
    NameAnswer::Taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_unless_another_process_may_use_it() {
        const NOW: i64 = 1_000_000;
        const LATER: i64 = NOW + 5;
        let node = Node {
            name: "a".to_owned(),
            identity: "mine".to_owned(),
            place: "here".to_owned(),
            process: "1".to_owned(),
        };
        let lease_left = Duration::from_micros(5);
        let copied = NameAnswer::Copied {
            lease_until: LATER,
            lease_left,
        };
        let in_use = NameAnswer::InUse { lease_left };
        let carries = NameAnswer::Carries { deployments: 2 };
        let table = [
            ("mine", Some("here"), LATER, 2, NameAnswer::Taken),
            ("mine", None, LATER, 2, NameAnswer::Taken),
            ("mine", Some("there"), LATER, 0, copied),
            ("mine", Some("there"), NOW, 2, NameAnswer::Taken),
            ("other", Some("here"), LATER, 0, in_use),
            ("other", Some("there"), NOW, 2, carries),
            ("other", None, NOW, 0, NameAnswer::Taken),
        ];
        for (identity, place, lease_until, deployments, expected) in table {
            let stored = StoredNode {
                identity: identity.to_owned(),
                place: place.map(str::to_owned),
                lease_until,
                deployments,
            };
            let told = answer(&node, std::slice::from_ref(&stored), NOW);
            assert_eq!(told, expected, "{stored:?}");
        }
        assert_eq!(answer(&node, &[], NOW), NameAnswer::Taken);
    }
}
