//! The caller of a request.

use super::person::{ANONYMOUS, Person};
use super::refusal::Denial;
use super::role::{Action, Role};
use super::roles::Roles;

/// The caller of a request: the name and the roles of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name of the key.
    pub name: String,
    /// Its roles.
    pub roles: Roles,
}

impl Caller {
    /// Returns the caller of a service without keys: one person for all clients, with every right.
    pub fn anonymous() -> Self {
        Self {
            name: ANONYMOUS.to_owned(),
            roles: Role::Admin.into(),
        }
    }

    /// Checks that the roles permit an action.
    ///
    /// # Errors
    /// They do not.
    pub fn check(&self, action: Action) -> Result<(), Denial> {
        if self.roles.may(action) {
            return Ok(());
        }
        Err(Denial::Right {
            name: self.name.clone(),
            roles: self.roles,
            action,
        })
    }

    /// Returns the owner of the key.
    pub fn person(&self) -> Person {
        Person::named(&self.name)
    }
}
