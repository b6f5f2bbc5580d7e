//! The endpoints: one file for each group of paths.

pub(super) mod audit;
pub(super) mod decisions;
pub(super) mod docs;
pub(super) mod health;
pub(super) mod list;
pub(super) mod log_text;
pub(super) mod logs;
pub(super) mod metrics;
pub(super) mod retry;
pub(super) mod start;
pub(super) mod status;
