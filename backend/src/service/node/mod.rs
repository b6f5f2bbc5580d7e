//! The node of this process: its data directory, and its name, which it holds by a lease.

pub(super) mod data_dir;
pub(super) mod lease;
pub(super) mod name;
pub(super) mod readiness;
pub(super) mod session_dirs;
