//! Reads and masks the remaining output after the tool has ended.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::TURN;
use super::run_clock::RunClock;
use crate::output::Spool;
use crate::protocol::OnDisconnect;
use crate::runner::supervisor::escalation::{Escalation, StopStage};
use crate::runner::supervisor::event_writer::EventWriter;
use crate::runner::supervisor::output_pipeline::OutputPipeline;
use crate::runner::supervisor::stop_requests::{StopRequest, StopRequests};

/// How long masking the remaining output may take once the run has to end. Any further output is skipped.
const REST: Duration = Duration::from_secs(10);

/// Deadline for masking the remaining output.
///
/// After a stop, also one during the reading, it is [`REST`] later. Without a stop, the same applies to the
/// timeout.
#[derive(Debug, Clone, Copy)]
struct RestDeadline(Instant);

impl RestDeadline {
    fn new(stage: StopStage, timeout_at: Option<Instant>, now: Instant) -> Self {
        let from = match stage {
            StopStage::Running => timeout_at.map_or(now, |timeout_at| timeout_at.max(now)),
            StopStage::Stopping | StopStage::Killed => now,
        };
        Self(from + REST)
    }

    fn stop(&mut self, now: Instant) {
        self.0 = self.0.min(now + REST);
    }

    fn force(&mut self, now: Instant) {
        self.0 = now;
    }

    fn has_passed(self, now: Instant) -> bool {
        now >= self.0
    }
}

/// The components that read the remaining output.
pub(crate) struct RestReader<'a> {
    pub(crate) pipeline: &'a mut OutputPipeline,
    pub(crate) spool: &'a mut Spool,
    pub(crate) event_writer: &'a mut EventWriter,
    pub(crate) stop_requests: &'a mut StopRequests,
    pub(crate) on_disconnect: OnDisconnect,
}

impl RestReader<'_> {
    /// Reads the output to its end, after all processes that write to it have ended. Force, or a passed deadline,
    /// skips the rest.
    pub(crate) async fn read(
        mut self,
        escalation: &Escalation,
        clock: &mut RunClock,
    ) -> io::Result<()> {
        let now = clock.look(Instant::now());
        let mut deadline = RestDeadline::new(escalation.stage(), escalation.next_deadline(), now);
        while self.read_for_a_turn()? {
            let stop_request = self.stop_requests.waiting().await;
            let now = clock.look(Instant::now());
            self.apply_stop_request(stop_request, &mut deadline, now);
            if deadline.has_passed(now) {
                self.pipeline.pass_over_rest(self.spool);
                break;
            }
        }
        Ok(())
    }

    /// Returns whether more output may be available.
    fn read_for_a_turn(&mut self) -> io::Result<bool> {
        let began = Instant::now();
        while began.elapsed() < TURN {
            let link = &mut self.stop_requests.link;
            if !self.pipeline.take(self.spool, self.event_writer, link)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Obeys an order, which can only shorten the reading because the tool has ended.
    fn apply_stop_request(
        &mut self,
        stop_request: Option<StopRequest>,
        deadline: &mut RestDeadline,
        now: Instant,
    ) {
        match stop_request {
            Some(StopRequest::Force) => deadline.force(now),
            Some(StopRequest::Cancel | StopRequest::Signalled(_)) => deadline.stop(now),
            Some(StopRequest::Disconnect) => {
                self.event_writer.reader_gone();
                match self.on_disconnect {
                    OnDisconnect::Interrupt => deadline.stop(now),
                    OnDisconnect::Finish => {}
                }
            }
            Some(StopRequest::Warn(sentence)) => self
                .event_writer
                .warn(&mut self.stop_requests.link, sentence),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_or_the_timeout_limits_the_time_for_the_rest() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        // Stage, time of the timeout, time of a stop during the reading, and the deadline; the tool ends at 100 s.
        let table = [
            (StopStage::Running, 300, None, 310),
            (StopStage::Running, 99, None, 110),
            (StopStage::Running, 300, Some(120), 130),
            (StopStage::Running, 300, Some(305), 310),
            (StopStage::Stopping, 300, None, 110),
            (StopStage::Stopping, 300, Some(105), 110),
            (StopStage::Killed, 300, None, 110),
        ];
        for (stage, timeout, stop, expected) in table {
            let mut deadline = RestDeadline::new(stage, Some(at(timeout)), at(100));
            if let Some(stop) = stop {
                deadline.stop(at(stop));
            }
            let (expected, just_before) = (at(expected), at(expected - 1));
            let seen = (
                deadline.has_passed(just_before),
                deadline.has_passed(expected),
            );
            assert_eq!(seen, (false, true), "{stage:?} {timeout} {stop:?}");
        }
    }
}
