//! What runs do, and what they leave.

pub(super) mod concurrency;
pub(super) mod deep_values;
pub(super) mod deploy;
pub(super) mod format_words;
pub(super) mod isolation;
pub(super) mod logs;
pub(super) mod noisy_tools;
pub(super) mod sandbox;
pub(super) mod stopping;
pub(super) mod variables;
