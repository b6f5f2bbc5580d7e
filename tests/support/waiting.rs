//! The one way to wait.

use std::thread;
use std::time::{Duration, Instant};

/// For what takes no time unless something is stuck, or the machine is busy with something else.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// For what a real tool does on a busy machine, with a slow state write in it.
pub(crate) const WITHIN_A_TEST: Duration = Duration::from_secs(120);
/// For a test of many such steps.
#[allow(dead_code, reason = "not every suite has such a test")]
pub(crate) const WHOLE_TEST: Duration = Duration::from_secs(600);

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
