//! What the caller asks of a running call.

use super::invocation::Purpose;

/// What the caller has asked for so far; it only ever grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) stop: Option<Stop>,
    /// How many times a stop was requested.
    pub(super) asked: u64,
    /// The handle was dropped: no caller waits for the result any more.
    pub(super) is_abandoned: bool,
}

impl Order {
    /// Returns how hard a process with this purpose has to stop its run: an abandoned run is cancelled, a run that
    /// was only followed is not.
    pub(super) fn stop_for(self, purpose: Purpose) -> Option<Stop> {
        match purpose {
            Purpose::Run if self.is_abandoned => self.stop.max(Some(Stop::Cancel)),
            Purpose::Run | Purpose::Attach => self.stop,
        }
    }
}

/// How hard to stop; a greater value is harder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    Cancel,
    Force,
}

impl Stop {
    /// Returns the control line, with its newline.
    pub(super) const fn line(self) -> &'static str {
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
        for (stop, force) in [(Stop::Cancel, false), (Stop::Force, true)] {
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
            (None, true, Purpose::Run, Some(Stop::Cancel)),
            (Some(Stop::Force), true, Purpose::Run, Some(Stop::Force)),
            (None, true, Purpose::Attach, None),
            (
                Some(Stop::Cancel),
                true,
                Purpose::Attach,
                Some(Stop::Cancel),
            ),
        ];
        for (stop, is_abandoned, purpose, expected) in table {
            let order = Order {
                stop,
                asked: u64::from(stop.is_some()),
                is_abandoned,
            };
            assert_eq!(order.stop_for(purpose), expected, "{order:?} {purpose:?}");
        }
    }
}
