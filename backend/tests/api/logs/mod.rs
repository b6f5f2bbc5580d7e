//! Logs that are read and followed.

pub(super) mod event_source;
pub(super) mod following;
pub(super) mod long_logs;
