//! Counts the work of searches, for tests.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn add(steps: usize) {
    STEPS.set(STEPS.get() + steps);
}

/// Returns the steps since the last call.
pub(super) fn take() -> usize {
    STEPS.take()
}
