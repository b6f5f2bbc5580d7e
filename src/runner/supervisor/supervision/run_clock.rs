//! A clock that stops while this process does not run.

use std::time::Duration;

use tokio::time::Instant;

/// How often the clock has to be read.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How late a reading may be on a busy machine.
///
/// A later wake-up means that the process (SIGSTOP, a frozen cgroup) or the whole machine was stopped. A shorter
/// stop counts as running time.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Measures the time during which this process ran.
///
/// Timeout and grace period are meant for the tool to use. While everything is frozen, the tool cannot use them,
/// and after the thaw they must not be used up. The clock compares the actual with the expected time of each
/// reading: a difference beyond the tolerance does not count.
#[derive(Debug)]
pub(crate) struct RunClock {
    looked_at: Instant,
    stopped_for: Duration,
}

impl RunClock {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            looked_at: now,
            stopped_for: Duration::ZERO,
        }
    }

    /// Returns the time on this clock; `now` is the machine's.
    pub(crate) fn look(&mut self, now: Instant) -> Instant {
        let since = now.saturating_duration_since(self.looked_at);
        if since > LOOK_EVERY + TOLERANCE {
            self.stopped_for += since - LOOK_EVERY;
        }
        self.looked_at = now;
        now.checked_sub(self.stopped_for).unwrap_or(now)
    }

    /// Returns when, on the machine's clock, this one shows `time`, unless it is stopped until then.
    pub(crate) fn on_machine(&self, time: Instant) -> Instant {
        time + self.stopped_for
    }

    /// Returns when to read the clock next, on the machine's clock.
    pub(crate) fn next_look(&self) -> Instant {
        self.looked_at + LOOK_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times at which the clock is read, and what it then shows, in milliseconds.
    type Looks = &'static [(u64, u64)];

    const TABLE: [(&str, Looks); 5] = [
        (
            "looks that are in time",
            &[(0, 0), (10, 10), (1010, 1010), (2010, 2010)],
        ),
        (
            "a busy machine is late, and that counts",
            &[(1000, 1000), (3900, 3900), (6900, 6900)],
        ),
        (
            "a stop does not count, but for the second until the next look was due",
            &[(1000, 1000), (61_000, 2000), (61_500, 2500)],
        ),
        (
            "the first moment beyond the tolerance",
            &[(3000, 3000), (6001, 4000)],
        ),
        (
            "each stop is left out",
            &[(10_000, 1000), (20_000, 2000), (21_000, 3000)],
        ),
    ];

    #[test]
    fn time_in_which_the_process_does_not_run_is_left_out() {
        for (name, looks) in TABLE {
            let start = Instant::now();
            let mut clock = RunClock::new(start);
            for &(machine, shown) in looks {
                let machine = start + Duration::from_millis(machine);
                let shown = start + Duration::from_millis(shown);
                assert_eq!(clock.look(machine), shown, "{name}");
                assert_eq!(clock.on_machine(shown), machine, "{name}");
                assert_eq!(clock.next_look(), machine + LOOK_EVERY, "{name}");
            }
        }
    }
}
