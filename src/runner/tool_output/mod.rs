//! What the tool has printed, as far as the result depends on it.

pub(super) mod json_document;
pub(super) mod printed;
