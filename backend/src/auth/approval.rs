//! Whether this one may decide about that plan.

use thiserror::Error;

use super::role::{Action, Role};

/// Whether who starts a deployment may approve its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalRule {
    /// Anybody whose role is enough.
    Anybody,
    /// Anybody whose role is enough, but who started the deployment.
    SomebodyElse,
}

/// Why somebody may not approve a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The role is not enough.
    #[error("the role is not enough to decide about plans")]
    Role,
    /// Somebody else has to.
    #[error("who started a deployment may not approve its plan")]
    Starter,
}

impl ApprovalRule {
    /// Whether somebody may approve the plan of a deployment that `starter` started.
    ///
    /// To reject needs the role alone: whoever stops something harms nobody.
    ///
    /// # Errors
    /// Why not.
    pub fn check(self, role: Role, actor: &str, starter: &str) -> Result<(), Refusal> {
        if !role.may(Action::Decide) {
            return Err(Refusal::Role);
        }
        match self {
            Self::Anybody => Ok(()),
            Self::SomebodyElse if actor == starter => Err(Refusal::Starter),
            Self::SomebodyElse => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_needs_the_role_and_by_the_rule_another_person() {
        use ApprovalRule::{Anybody, SomebodyElse};
        let table = [
            (Anybody, Role::Approver, "ann", Ok(())),
            (Anybody, Role::Deployer, "bob", Err(Refusal::Role)),
            (SomebodyElse, Role::Approver, "ann", Err(Refusal::Starter)),
            (SomebodyElse, Role::Admin, "ann", Err(Refusal::Starter)),
            (SomebodyElse, Role::Approver, "bob", Ok(())),
            (SomebodyElse, Role::Viewer, "ann", Err(Refusal::Role)),
        ];
        for (rule, role, actor, expected) in table {
            assert_eq!(
                rule.check(role, actor, "ann"),
                expected,
                "{rule:?} {role} {actor}"
            );
        }
    }
}
