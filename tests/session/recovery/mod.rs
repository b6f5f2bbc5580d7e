//! Sessions that are taken up again after their process has ended.

pub(super) mod attaching;
pub(super) mod disk_env;
pub(super) mod holder;
pub(super) mod journal;
pub(super) mod operations;
pub(super) mod restart;
pub(super) mod retention;
pub(super) mod run_processes;
pub(super) mod waiting;
