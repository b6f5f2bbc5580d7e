//! Where a configuration comes from.

pub(super) mod checkout_env;
pub(super) mod cloning;
pub(super) mod files;
pub(super) mod from_git;
pub(super) mod from_mirror;
pub(super) mod from_registry;
pub(super) mod private_modules;
pub(super) mod repository_contents;
