//! The roles of a key: one or more.

use std::fmt;
use std::str::FromStr;

use super::role::{Action, NoSuchRole, Role};

/// One or more roles. A key may do everything that any of its roles permits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roles {
    /// One bit for each role in [`Role::ALL`]; never zero.
    bits: u8,
}

impl Roles {
    /// Returns a set of these roles; `None` if there are none.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Option<Self> {
        let bits = roles.into_iter().fold(0, |bits, role| bits | bit(role));
        (bits != 0).then_some(Self { bits })
    }

    /// Returns whether one of the roles permits an action.
    pub fn may(self, action: Action) -> bool {
        self.iter().any(|role| role.may(action))
    }

    /// Returns each role once, weakest first.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        let all = Role::ALL.into_iter();
        all.filter(move |role| self.bits & bit(*role) != 0)
    }

    /// Returns the weakest role.
    pub fn first(self) -> Role {
        self.iter().next().unwrap_or(Role::Viewer)
    }
}

const fn bit(role: Role) -> u8 {
    match role {
        Role::Viewer => 1,
        Role::Deployer => 2,
        Role::Approver => 4,
        Role::Admin => 8,
    }
}

impl From<Role> for Roles {
    fn from(role: Role) -> Self {
        Self { bits: bit(role) }
    }
}

/// The names separated by commas: as in the store and in lists.
impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.iter().map(Role::word).collect();
        f.pad(&words.join(","))
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Roles {
    type Err = NoSuchRole;

    fn from_str(words: &str) -> Result<Self, NoSuchRole> {
        let roles: Result<Vec<Role>, _> = words.split(',').map(str::parse).collect();
        Self::new(roles?).ok_or(NoSuchRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_written_once_each_and_read_back() {
        let both = Roles::new([Role::Approver, Role::Deployer, Role::Approver]).unwrap();
        assert_eq!(both.to_string(), "deployer,approver");
        assert_eq!("approver,deployer".parse(), Ok(both));
        for role in Role::ALL {
            assert_eq!(role.word().parse(), Ok(Roles::from(role)));
            assert_eq!(Roles::from(role).first(), role);
        }
        for words in ["", ",", "deployer,", "deployer, approver", "deployer,root"] {
            assert_eq!(words.parse::<Roles>(), Err(NoSuchRole), "{words}");
        }
        assert_eq!(Roles::new([]), None);
    }

    #[test]
    fn a_key_may_do_what_any_of_its_roles_may() {
        let both = Roles::new([Role::Deployer, Role::Approver]).unwrap();
        let may = Action::ALL.map(|action| both.may(action));
        // See, Start, Cancel, Decide, ForceCancel, Audit
        assert_eq!(may, [true, true, true, true, false, false]);
    }
}
