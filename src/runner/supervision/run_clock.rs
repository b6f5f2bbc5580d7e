//! A clock that stops while this process does not run.

use std::time::Duration;

use tokio::time::Instant;

/// How often the clock has to be looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How late a look may come on a busy machine.
///
/// A wake-up that is later than this means that the process was stopped (SIGSTOP, a frozen cgroup) or the
/// whole machine was. A shorter stop counts as time in which the process ran.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Measures the time during which this process ran.
///
/// Timeout and grace are for the tool to use. While everything is frozen the tool cannot use them, and at the
/// thaw it must not find them used up. The clock compares when it is looked at with when it was to be looked
/// at: the difference, if it is beyond the tolerance, does not count.
#[derive(Debug)]
pub(super) struct RunClock {
    looked_at: Instant,
    stopped_for: Duration,
}

impl RunClock {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            looked_at: now,
            stopped_for: Duration::ZERO,
        }
    }

    /// The time on this clock; `now` is the machine's.
    pub(super) fn look(&mut self, now: Instant) -> Instant {
        let since = now.saturating_duration_since(self.looked_at);
        if since > LOOK_EVERY + TOLERANCE {
            self.stopped_for += since - LOOK_EVERY;
        }
        self.looked_at = now;
        now.checked_sub(self.stopped_for).unwrap_or(now)
    }

    /// When, on the machine's clock, this one shows `time`, unless it is stopped until then.
    pub(super) fn on_machine(&self, time: Instant) -> Instant {
        time + self.stopped_for
    }

    /// When to look next, on the machine's clock.
    pub(super) fn next_look(&self) -> Instant {
        self.looked_at + LOOK_EVERY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When the clock is looked at, and what it shows then, in milliseconds.
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
