//! The one way to wait.

use std::thread;
use std::time::{Duration, Instant};

/// For events that take no time unless something hangs, or the machine is busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// For an operation of a real tool on a busy machine, including a slow state write.
pub(crate) const WITHIN_A_TEST: Duration = Duration::from_secs(120);
/// For a test with many such steps.
#[allow(dead_code, reason = "not every suite has such a test")]
pub(crate) const WHOLE_TEST: Duration = Duration::from_secs(600);

/// Pause between two checks: short compared with anything waited for, long compared with the cost of a check.
const PAUSE: Duration = Duration::from_millis(10);

/// Polls until the probe sees `what`; fails the test if the limit passes first.
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
