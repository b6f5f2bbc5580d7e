//! Interprets successive SIGINT, SIGTERM and SIGHUP signals to the front.

use std::time::Duration;

use tokio::time::Instant;

/// A second signal within this time of the first has no effect: a terminal and a parent may both deliver the same
/// Ctrl-C.
const DOUBLE_DELIVERY: Duration = Duration::from_secs(2);

/// The meaning of one signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Stop.
    First,
    /// A repetition of the first one.
    Again,
    /// Do not wait any longer.
    Second,
}

/// The stop signals so far, during the run and after it.
#[derive(Debug, Default)]
pub(crate) struct StopSignals {
    first: Option<Instant>,
}

impl StopSignals {
    pub(crate) fn signalled(&mut self, now: Instant) -> Meaning {
        match self.first {
            None => {
                self.first = Some(now);
                Meaning::First
            }
            Some(first) if now.duration_since(first) >= DOUBLE_DELIVERY => Meaning::Second,
            Some(_) => Meaning::Again,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_signal_counts_only_two_seconds_after_the_first() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let table = [
            (0, Meaning::First),
            (10, Meaning::Again),
            (1999, Meaning::Again),
            (2000, Meaning::Second),
            (2001, Meaning::Second),
        ];
        let mut signals = StopSignals::default();
        for (ms, meaning) in table {
            assert_eq!(signals.signalled(at(ms)), meaning, "at {ms} ms");
        }
    }
}
