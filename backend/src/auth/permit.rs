//! The one decision about starting, approving and stopping a deployment.
//!
//! Every API and every executor that starts or decides a deployment describes what it is about to do as an [`Attempt`]
//! and asks [`ApprovalRule::permit`]. Nothing gets into the queue without the [`Permit`] that it returns.

use iac_runner::session::Operation;

use super::caller::Caller;
use super::person::Person;
use super::refusal::Refusal;
use super::role::Action;

/// Whether the starter of a deployment may approve its plan: `auth.starter_may_approve`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalRule {
    /// Anyone with the approve right may, the starter included.
    StarterMayApprove,
    /// Another person has to.
    AnotherPerson,
}

/// What a caller is about to do with a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt<'a> {
    /// Start one, for the first time or by a retry.
    Start {
        /// What it does.
        operation: Operation,
        /// Whether its plan is applied without a further question.
        auto_approve: bool,
    },
    /// Approve its plan.
    Approve {
        /// The name of the starter's key.
        starter: &'a str,
    },
    /// Reject its plan. It needs the right alone: a rejection changes nothing.
    Reject,
    /// Stop it gracefully.
    Cancel,
    /// Kill its tool.
    ForceCancel,
}

/// Whose approval an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval {
    /// It is no approval.
    None,
    /// The starter's own.
    ByStarter,
    /// That of another person.
    ByAnother,
}

/// The proof that an attempt was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    approval: Approval,
}

impl Permit {
    /// Whose approval the attempt is.
    pub const fn approval(self) -> Approval {
        self.approval
    }
}

impl ApprovalRule {
    /// Decides about an attempt.
    ///
    /// # Errors
    /// What the caller lacks.
    pub fn permit(self, caller: &Caller, attempt: &Attempt<'_>) -> Result<Permit, Refusal> {
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

    /// Decides whether a deployment that was queued with `auto_approve` may still begin: the rule may have changed since,
    /// or may be another one at the node that queued it.
    ///
    /// # Errors
    /// The rule asks for another person.
    pub fn begin(self, operation: Operation, auto_approve: bool) -> Result<(), Refusal> {
        match self {
            Self::AnotherPerson if auto_approve && is_approved(operation) => {
                Err(Refusal::AutoApproveRule)
            }
            Self::AnotherPerson | Self::StarterMayApprove => Ok(()),
        }
    }

    fn auto_approve(self, caller: &Caller) -> Result<(), Refusal> {
        let (name, roles) = (caller.name.clone(), caller.roles);
        match (caller.roles.may(Action::Decide), self) {
            (true, Self::StarterMayApprove) => Ok(()),
            (true, Self::AnotherPerson) => Err(Refusal::AutoApproveRule),
            (false, Self::StarterMayApprove) => Err(Refusal::AutoApproveRight { name, roles }),
            (false, Self::AnotherPerson) => Err(Refusal::AutoApproveBoth { name, roles }),
        }
    }

    fn approve(self, caller: &Caller, starter_name: &str) -> Result<Approval, Refusal> {
        let starter = Person::named(starter_name);
        let is_starter = caller.person() == starter;
        match self {
            Self::StarterMayApprove if is_starter => Ok(Approval::ByStarter),
            Self::AnotherPerson if is_starter => Err(Refusal::Starter {
                name: caller.name.clone(),
                starter: starter_name.to_owned(),
            }),
            Self::AnotherPerson if starter.is_anonymous() => Err(Refusal::UnknownStarter),
            Self::StarterMayApprove | Self::AnotherPerson => Ok(Approval::ByAnother),
        }
    }
}

/// Whether an operation has a plan that somebody has to approve. On the others, `auto_approve` has no effect.
const fn is_approved(operation: Operation) -> bool {
    match operation {
        Operation::Deploy | Operation::Destroy => true,
        Operation::Plan | Operation::Drift | Operation::Validate => false,
    }
}

#[cfg(test)]
mod tests;
