//! The result of a run: derived from how it ended, described, and masked.

pub(crate) mod oom;
pub(crate) mod run_end;
pub(crate) mod survivors;

pub(super) mod document;
pub(super) mod lost_supervisor;
pub(super) mod masking;
pub(super) mod result_builder;
pub(super) mod success;
