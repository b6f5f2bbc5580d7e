//! Keeps the audit trail true to what was done.
//!
//! A decision is a pending entry before it takes effect, and the session's journal has it once it did. If the service
//! dies at any moment, the two together show what was done.

pub(super) mod backfill;
mod changes;
pub(super) mod intent;
pub(super) mod pending;
