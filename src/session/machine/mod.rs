//! The state machine of a session: states, events, and the pure function between them.

pub(super) mod event;
pub(super) mod state;
pub(super) mod transition;
#[cfg(test)]
pub(super) mod transition_tests;
