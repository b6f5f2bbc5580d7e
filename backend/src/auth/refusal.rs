//! Why a caller lacks permission, and what to do about it.

use thiserror::Error;

use super::role::{Action, Role};
use super::roles::Roles;

/// Why a caller lacks permission.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Denial {
    /// The roles do not permit the action.
    #[error(
        "the key `{name}` has {}, which is not enough to {}: that needs {}",
        listed(*.roles), .action.words(), needed(*.action)
    )]
    Right {
        /// The name of the key.
        name: String,
        /// The roles of the key.
        roles: Roles,
        /// The requested action.
        action: Action,
    },
    /// `auto_approve` without the approve right.
    #[error(
        "`auto_approve` is an approval by the starter, and the key `{name}` has {}, without the approve right: leave \
         `auto_approve` out and have the plan approved, or use a key with both roles (`iac-backend keys create NAME \
         --role deployer --role approver`)",
        listed(*.roles)
    )]
    AutoApproveRight {
        /// The name of the key.
        name: String,
        /// The roles of the key.
        roles: Roles,
    },
    /// `auto_approve` when the starter may not approve.
    #[error(
        "`auto_approve` is an approval by the starter, which `auth.starter_may_approve = false` forbids for every role: \
         leave `auto_approve` out and have another person approve the plan"
    )]
    AutoApproveRule,
    /// `auto_approve` by a starter whose key is no longer accepted.
    #[error(
        "`auto_approve` is an approval by the starter, and `{starter}` has no key any more that may start and approve: start \
         the deployment again with a key that may"
    )]
    AutoApproveRevoked {
        /// The name of the starter's key.
        starter: String,
    },
    /// `auto_approve` without the approve right, when the starter may not approve either.
    #[error(
        "`auto_approve` is an approval by the starter: the key `{name}` has {}, without the approve right, and \
         `auth.starter_may_approve = false` forbids it for every role: leave `auto_approve` out and have another person \
         approve the plan",
        listed(*.roles)
    )]
    AutoApproveBoth {
        /// The name of the key.
        name: String,
        /// The roles of the key.
        roles: Roles,
    },
    /// The approver is the starter.
    #[error(
        "`{name}` started the deployment (as `{starter}`), and `auth.starter_may_approve = false` lets no one approve \
         their own: have another person with the role `approver` or `admin` approve the plan"
    )]
    Starter {
        /// The name of the approver's key.
        name: String,
        /// The name of the starter's key.
        starter: String,
    },
    /// The deployment was started without a key, so its starter may be the approver.
    #[error(
        "the deployment was started without a key, so its starter is not known, and `auth.starter_may_approve = false` \
         asks for two people: reject it and start it again with a key (`iac-backend keys create`)"
    )]
    UnknownStarter,
}

/// Lists roles in a sentence.
fn listed(roles: Roles) -> String {
    let words: Vec<_> = roles.iter().map(|role| format!("`{role}`")).collect();
    match words.as_slice() {
        [one] => format!("the role {one}"),
        many => format!("the roles {}", many.join(" and ")),
    }
}

/// Lists the roles that permit an action, in a sentence.
fn needed(action: Action) -> String {
    let enough = Role::ALL.into_iter().filter(|role| role.may(action));
    let words: Vec<_> = enough.map(|role| format!("`{role}`")).collect();
    words.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_the_key_has_and_what_is_needed() {
        let refusal = Denial::Right {
            name: "ann".to_owned(),
            roles: "viewer,deployer".parse().unwrap(),
            action: Action::Decide,
        };
        assert_eq!(
            refusal.to_string(),
            "the key `ann` has the roles `viewer` and `deployer`, which is not enough to approve or reject a plan: that \
             needs `approver` or `admin`"
        );
    }
}
