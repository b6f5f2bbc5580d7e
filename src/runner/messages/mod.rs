//! Texts for people: on stderr, and in results.

pub(super) mod diagnostics;
pub(super) mod mode;
pub(super) mod wording;
