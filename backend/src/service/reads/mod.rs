//! What callers read of a deployment.

pub(super) mod log_text;
pub(super) mod view;
