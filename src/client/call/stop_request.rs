//! What the caller asks of a running call.

use super::invocation::Purpose;

/// What the caller has asked for so far; it only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestedStop {
    pub(crate) stop: Option<StopLevel>,
    /// How many times a stop was requested.
    pub(crate) asked: u64,
    /// The handle was dropped: no caller waits for the result any more.
    pub(crate) is_abandoned: bool,
}

impl RequestedStop {
    /// Returns how hard a process with this purpose has to stop its run: an abandoned run is cancelled, a run that
    /// was only followed is not.
    pub(crate) fn stop_for(self, purpose: Purpose) -> Option<StopLevel> {
        match purpose {
            Purpose::Run if self.is_abandoned => self.stop.max(Some(StopLevel::Cancel)),
            Purpose::Run | Purpose::Attach => self.stop,
        }
    }
}

/// How hard to stop; a greater value is harder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StopLevel {
    Cancel,
    Force,
}

impl StopLevel {
    /// Returns the control line, with its newline.
    pub(crate) const fn line(self) -> &'static str {
        match self {
            Self::Cancel => "{\"type\":\"cancel\"}\n",
            Self::Force => "{\"type\":\"cancel\",\"force\":true}\n",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Control;

    #[test]
    fn the_lines_are_those_of_the_wire() {
        for (stop, force) in [(StopLevel::Cancel, false), (StopLevel::Force, true)] {
            assert_eq!(
                Control::parse(stop.line().as_bytes()),
                Ok(Control::Cancel { force })
            );
        }
    }

    #[test]
    fn a_dropped_handle_cancels_a_run_and_weakens_no_force() {
        let table = [
            (None, false, Purpose::Run, None),
            (None, true, Purpose::Run, Some(StopLevel::Cancel)),
            (
                Some(StopLevel::Force),
                true,
                Purpose::Run,
                Some(StopLevel::Force),
            ),
            (None, true, Purpose::Attach, None),
            (
                Some(StopLevel::Cancel),
                true,
                Purpose::Attach,
                Some(StopLevel::Cancel),
            ),
        ];
        for (stop, is_abandoned, purpose, expected) in table {
            let requested_stop = RequestedStop {
                stop,
                asked: u64::from(stop.is_some()),
                is_abandoned,
            };
            assert_eq!(
                requested_stop.stop_for(purpose),
                expected,
                "{requested_stop:?} {purpose:?}"
            );
        }
    }
}
