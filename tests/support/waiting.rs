//! The one way to wait.

use std::thread;
use std::time::{Duration, Instant};

/// For what takes no time unless something is stuck.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// For what a real tool does on a busy machine, with a slow state write in it.
pub(crate) const WITHIN_A_TEST: Duration = Duration::from_secs(40);

/// Between two looks: short beside anything waited for, long beside the cost of a look.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until the probe sees `what`, and fails the test when the limit passes first.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(seen) = probe() {
            return seen;
        }
        assert!(
            Instant::now() < deadline,
            "waited {limit:?} in vain for {what}"
        );
        thread::sleep(PAUSE);
    }
}
