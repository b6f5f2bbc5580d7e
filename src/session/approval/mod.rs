//! What an approval is bound to: the plan, the source, and everything outside of it that decides what an apply does.

pub(super) mod binding;
pub(super) mod digest;
pub(super) mod executable_identity;
pub(super) mod hash;
pub(super) mod modules;
pub(super) mod reach;
pub(super) mod tree;
