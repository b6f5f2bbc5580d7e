//! Plans, their approval, and what it is bound to.

pub(super) mod decisions;
pub(super) mod drift;
pub(super) mod operations;
pub(super) mod planning;
pub(super) mod shown_while_applied;
pub(super) mod tampering;
