//! `iac-runner attach`, `cancel` and `doctor`.

pub(super) mod attach;
pub(super) mod cancel;
pub(super) mod doctor;
