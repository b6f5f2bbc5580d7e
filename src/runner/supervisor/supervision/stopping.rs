//! Carries out orders and due steps.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::{Supervision, Watch};
use crate::protocol::{Event, OnDisconnect, StopReason};
use crate::runner::supervisor::escalation::Action;
use crate::runner::supervisor::stop_requests::StopRequest;

/// Most unread output that is searched for the tool's message that it received a signal: takes a fraction of a
/// second.
const PEEK_BYTES: u64 = 512 * 1024 * 1024;

impl Supervision<'_> {
    pub(crate) fn apply_stop_request(
        &mut self,
        stop_request: StopRequest,
        watch: &mut Watch,
        now: Instant,
    ) -> ControlFlow<()> {
        let step = match stop_request {
            StopRequest::Cancel => self.escalation.stop(StopReason::Cancel, now),
            StopRequest::Signalled(whom) => {
                self.escalation.stop_settling(whom, now);
                None
            }
            StopRequest::Force => self.escalation.force(now),
            StopRequest::Disconnect => {
                self.event_writer.reader_gone();
                match self.on_disconnect {
                    OnDisconnect::Interrupt => self.escalation.stop(StopReason::Disconnect, now),
                    OnDisconnect::Finish => None,
                }
            }
            StopRequest::Warn(sentence) => {
                self.event_writer
                    .warn(&mut self.stop_requests.link, sentence);
                None
            }
        };
        self.take_step(step, watch, now)
    }

    /// Processes an order that came after the tool had ended: it stops nothing any more.
    pub(crate) fn apply_late_stop_request(&mut self, stop_request: StopRequest, now: Instant) {
        match stop_request {
            StopRequest::Disconnect => self.event_writer.reader_gone(),
            StopRequest::Warn(sentence) => self
                .event_writer
                .warn(&mut self.stop_requests.link, sentence),
            // The tool has received the same signal, and was faster.
            StopRequest::Signalled(whom) if self.is_heard() => {
                self.escalation.stop_settling(whom, now)
            }
            StopRequest::Cancel | StopRequest::Force | StopRequest::Signalled(_) => {}
        }
    }

    pub(crate) fn take_step(
        &mut self,
        step: Option<Action>,
        watch: &mut Watch,
        now: Instant,
    ) -> ControlFlow<()> {
        match step {
            None => {}
            Some(Action::Interrupt(reason)) => {
                self.interrupt(watch, now);
                let grace_seconds = self.grace.as_secs_f64();
                self.event_writer
                    .emit(&mut self.stop_requests.link, |seq, at| Event::Stopping {
                        seq,
                        at,
                        reason,
                        grace_seconds,
                    });
            }
            Some(Action::InterruptRest) => self.interrupt(watch, now),
            Some(Action::Kill) => self.tool.kill(),
            Some(Action::GiveUp) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn interrupt(&mut self, watch: &mut Watch, now: Instant) {
        let is_heard = self.is_heard();
        let refusing = watch.interruption.begin(&mut self.tool, is_heard, now);
        self.warn_of_refusal(&refusing);
    }

    /// Interrupts processes that a wrapper has started since.
    pub(crate) fn interrupt_more(&mut self, watch: &mut Watch, now: Instant) {
        if watch.interruption.next_look().is_none_or(|at| now < at) {
            return;
        }
        let refusing = watch.interruption.look(&mut self.tool, now);
        self.warn_of_refusal(&refusing);
    }

    /// Returns whether the tool has reported that it received a signal, in the read or the unread output.
    fn is_heard(&self) -> bool {
        let mut notice = self.pipeline.notice.clone();
        // If the unread part is unavailable, the known part decides.
        let _ = self.spool.peek(PEEK_BYTES, |piece| notice.push(piece));
        notice.is_seen()
    }

    fn warn_of_refusal(&mut self, pids: &[i32]) {
        for pid in pids {
            let sentence =
                format!("process {pid} runs as another user: it could not be asked to stop");
            self.event_writer
                .warn(&mut self.stop_requests.link, sentence);
        }
    }
}
