//! Operations on files and directories that other programs may change, remove or block meanwhile.

pub(super) mod bounded;
pub(super) mod containment;
pub(super) mod entry_watch;
pub(super) mod file_id;
pub(super) mod file_watch;
pub(super) mod owner_access;
pub(super) mod remove_tree;
