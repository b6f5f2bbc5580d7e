//! Who calls.

use super::person::{ANONYMOUS, Person};
use super::refusal::Refusal;
use super::role::{Action, Role};
use super::roles::Roles;

/// Who calls: the name and the roles of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key.
    pub name: String,
    /// What it is for.
    pub roles: Roles,
}

impl Caller {
    /// The caller of a service that has no keys: one person for all who reach it, who may do everything.
    pub fn anonymous() -> Self {
        Self {
            name: ANONYMOUS.to_owned(),
            roles: Role::Admin.into(),
        }
    }

    /// Checks that the roles are enough for an action.
    ///
    /// # Errors
    /// They are not.
    pub fn check(&self, action: Action) -> Result<(), Refusal> {
        if self.roles.may(action) {
            return Ok(());
        }
        Err(Refusal::Right {
            name: self.name.clone(),
            roles: self.roles,
            action,
        })
    }

    /// The person whose key it is.
    pub fn person(&self) -> Person {
        Person::named(&self.name)
    }
}
