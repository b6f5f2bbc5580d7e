//! Roles, actions and the permission table.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A role of a key.
///
/// A deployer and an approver can each do what the other cannot, so that two people may be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Views deployments.
    Viewer,
    /// Starts and cancels them.
    Deployer,
    /// Approves and rejects plans.
    Approver,
    /// Does everything.
    Admin,
}

/// An action that needs permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read status, log, plan and masked outputs.
    See,
    /// Start a deployment, or retry one.
    Start,
    /// Stop a deployment gracefully.
    Cancel,
    /// Approve or reject a plan.
    Decide,
    /// Kill a tool; its state may be lost.
    ForceCancel,
    /// Read the audit trail.
    Audit,
}

/// The role does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected `viewer`, `deployer`, `approver` or `admin`")]
pub struct NoSuchRole;

impl Role {
    /// All roles, weakest first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Deployer, Self::Approver, Self::Admin];

    /// Returns whether this role permits an action.
    pub const fn may(self, action: Action) -> bool {
        match (self, action) {
            (Self::Admin, _)
            | (Self::Viewer | Self::Deployer | Self::Approver, Action::See)
            | (Self::Deployer, Action::Start | Action::Cancel)
            | (Self::Approver, Action::Decide) => true,
            (Self::Viewer, Action::Start | Action::Cancel | Action::Decide)
            | (Self::Deployer, Action::Decide)
            | (Self::Approver, Action::Start | Action::Cancel)
            | (
                Self::Viewer | Self::Deployer | Self::Approver,
                Action::ForceCancel | Action::Audit,
            ) => false,
        }
    }

    /// Returns the name of the role.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Deployer => "deployer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Role {
    type Err = NoSuchRole;

    fn from_str(word: &str) -> Result<Self, NoSuchRole> {
        let found = Self::ALL.into_iter().find(|role| role.word() == word);
        found.ok_or(NoSuchRole)
    }
}

impl Action {
    /// Returns the action as a phrase to follow "not enough to".
    pub const fn words(self) -> &'static str {
        match self {
            Self::See => "see deployments",
            Self::Start => "start a deployment",
            Self::Cancel => "cancel a deployment",
            Self::Decide => "approve or reject a plan",
            Self::ForceCancel => "cancel a deployment by force",
            Self::Audit => "read the audit trail",
        }
    }

    /// All actions.
    pub const ALL: [Self; 6] = [
        Self::See,
        Self::Start,
        Self::Cancel,
        Self::Decide,
        Self::ForceCancel,
        Self::Audit,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_may_do_what_the_table_says_and_nothing_else() {
        let table = [
            // viewer, deployer, approver, admin
            (Action::See, [true, true, true, true]),
            (Action::Start, [false, true, false, true]),
            (Action::Cancel, [false, true, false, true]),
            (Action::Decide, [false, false, true, true]),
            (Action::ForceCancel, [false, false, false, true]),
            (Action::Audit, [false, false, false, true]),
        ];
        assert_eq!(table.map(|(action, _)| action), Action::ALL);
        for (action, expected) in table {
            assert_eq!(
                Role::ALL.map(|role| role.may(action)),
                expected,
                "{action:?}"
            );
        }
    }

    #[test]
    fn a_role_is_read_from_its_word_and_from_no_other() {
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(role));
        }
        for word in ["", "Admin", "root", "viewer "] {
            assert_eq!(word.parse::<Role>(), Err(NoSuchRole), "{word}");
        }
    }
}
