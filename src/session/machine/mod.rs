//! The state machine of a session: states, events, and the pure function between them.

pub(crate) mod boot_id;

pub(super) mod event;
pub(super) mod state;
pub(super) mod transition;
#[cfg(test)]
pub(super) mod transition_tests;
