//! The one decision about starting, approving and stopping a deployment.
//!
//! Every API and every executor that starts or decides a deployment describes the action as an [`Attempt`] and calls
//! [`ApprovalRule::permit`]. Nothing enters the queue without the [`Permit`] that it returns.

use iac_runner::session::Operation;

use super::caller::Caller;
use super::person::Person;
use super::refusal::Denial;
use super::role::Action;

/// Whether the starter of a deployment may approve its plan: `auth.starter_may_approve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalRule {
    /// Everyone with the approve right may, including the starter.
    StarterMayApprove,
    /// Another person must approve it.
    AnotherPerson,
}

/// What a caller attempts to do with a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// Start one, new or as a retry.
    Start {
        /// Its operation.
        operation: Operation,
        /// Whether its plan is applied without asking for approval.
        auto_approve: bool,
    },
    /// Approve its plan.
    Approve {
        /// The name of the starter's key.
        starter: &'a str,
    },
    /// Reject its plan. This needs only the right: a rejection changes nothing.
    Reject,
    /// Stop it gracefully.
    Cancel,
    /// Kill its tool.
    ForceCancel,
}

/// Who approves, if an attempt is an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// The attempt is not an approval.
    None,
    /// The starter.
    ByStarter,
    /// Another person.
    ByAnother,
}

/// Proof that an attempt was permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    approval: Approval,
}

impl Permit {
    /// Returns who approves, if the attempt is an approval.
    pub const fn approval(self) -> Approval {
        self.approval
    }
}

impl ApprovalRule {
    /// Decides whether to permit an attempt.
    ///
    /// # Errors
    /// What the caller lacks.
    pub fn permit(self, caller: &Caller, attempt: &Attempt<'_>) -> Result<Permit, Denial> {
        let approval = match *attempt {
            Attempt::Start {
                operation,
                auto_approve,
            } => {
                caller.check(Action::Start)?;
                if auto_approve && is_approved(operation) {
                    self.auto_approve(caller)?;
                    Approval::ByStarter
                } else {
                    Approval::None
                }
            }
            Attempt::Approve { starter } => {
                caller.check(Action::Decide)?;
                self.approve(caller, starter)?
            }
            Attempt::Reject => {
                caller.check(Action::Decide)?;
                Approval::None
            }
            Attempt::Cancel => {
                caller.check(Action::Cancel)?;
                Approval::None
            }
            Attempt::ForceCancel => {
                caller.check(Action::ForceCancel)?;
                Approval::None
            }
        };
        Ok(Permit { approval })
    }

    /// Decides whether a deployment that was queued with `auto_approve` may still begin: the rule may have changed
    /// since, or differ at the node that queued it, and the key of the starter may have been revoked.
    ///
    /// `callers` are all keys that are accepted now.
    ///
    /// # Errors
    /// The rule requires another person, or no key of the starter may start and approve.
    pub fn begin(
        self,
        operation: Operation,
        auto_approve: bool,
        starter: &str,
        callers: &[Caller],
    ) -> Result<(), Denial> {
        if !auto_approve || !is_approved(operation) {
            return Ok(());
        }
        let person = Person::named(starter);
        let may_still = |caller: &Caller| {
            caller.person() == person
                && caller.roles.may(Action::Start)
                && caller.roles.may(Action::Decide)
        };
        // Without any key, all callers are one person.
        let is_keyless = callers.is_empty() && person.is_anonymous();
        match self {
            Self::AnotherPerson => Err(Denial::AutoApproveRule),
            Self::StarterMayApprove if is_keyless || callers.iter().any(may_still) => Ok(()),
            Self::StarterMayApprove => Err(Denial::AutoApproveRevoked {
                starter: starter.to_owned(),
            }),
        }
    }

    fn auto_approve(self, caller: &Caller) -> Result<(), Denial> {
        let (name, roles) = (caller.name.clone(), caller.roles);
        match (caller.roles.may(Action::Decide), self) {
            (true, Self::StarterMayApprove) => Ok(()),
            (true, Self::AnotherPerson) => Err(Denial::AutoApproveRule),
            (false, Self::StarterMayApprove) => Err(Denial::AutoApproveRight { name, roles }),
            (false, Self::AnotherPerson) => Err(Denial::AutoApproveBoth { name, roles }),
        }
    }

    fn approve(self, caller: &Caller, starter_name: &str) -> Result<Approval, Denial> {
        let starter = Person::named(starter_name);
        let is_starter = caller.person() == starter;
        match self {
            Self::StarterMayApprove if is_starter => Ok(Approval::ByStarter),
            Self::AnotherPerson if is_starter => Err(Denial::Starter {
                name: caller.name.clone(),
                starter: starter_name.to_owned(),
            }),
            Self::AnotherPerson if starter.is_anonymous() => Err(Denial::UnknownStarter),
            Self::StarterMayApprove | Self::AnotherPerson => Ok(Approval::ByAnother),
        }
    }
}

/// Returns whether an operation has a plan that needs approval. `auto_approve` has no effect on the others.
const fn is_approved(operation: Operation) -> bool {
    match operation {
        Operation::Deploy | Operation::Destroy => true,
        Operation::Plan | Operation::Drift | Operation::Validate => false,
    }
}

#[cfg(test)]
mod tests;
