//! What those who run the service see.

pub(super) mod command_line;
pub(super) mod contract;
pub(super) mod monitoring;
pub(super) mod programs;
pub(super) mod readiness;
pub(super) mod retention;
