//! JSON beyond what `serde_json` reads and keeps by default.

pub(crate) mod deep_json;
pub(crate) mod exact_number;
