//! Who may do what, and from where.

pub(super) mod approval_rights;
pub(super) mod connections;
pub(super) mod gate;
pub(super) mod git_hosts;
pub(super) mod keyless;
pub(super) mod keys;
pub(super) mod limits;
pub(super) mod tickets;
