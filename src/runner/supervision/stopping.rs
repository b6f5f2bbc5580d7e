//! Carries out orders and due steps.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::{Supervision, Watch};
use crate::protocol::{Event, OnDisconnect, StopReason};
use crate::runner::ladder::Step;
use crate::runner::orders::Order;

/// Most unread output that is searched for the tool's message that it received a signal: takes a fraction of a
/// second.
const PEEK_BYTES: u64 = 512 * 1024 * 1024;

impl Supervision<'_> {
    pub(super) fn obey(
        &mut self,
        order: Order,
        watch: &mut Watch,
        now: Instant,
    ) -> ControlFlow<()> {
        let step = match order {
            Order::Cancel => self.ladder.stop(StopReason::Cancel, now),
            Order::Signalled(whom) => {
                self.ladder.stop_settling(whom, now);
                None
            }
            Order::Force => self.ladder.force(now),
            Order::Disconnect => {
                self.journal.reader_gone();
                match self.on_disconnect {
                    OnDisconnect::Interrupt => self.ladder.stop(StopReason::Disconnect, now),
                    OnDisconnect::Finish => None,
                }
            }
            Order::Warn(sentence) => {
                self.journal.warn(&mut self.orders.link, sentence);
                None
            }
        };
        self.take_step(step, watch, now)
    }

    /// Processes an order that came after the tool had ended: it stops nothing any more.
    pub(super) fn obey_late(&mut self, order: Order, now: Instant) {
        match order {
            Order::Disconnect => self.journal.reader_gone(),
            Order::Warn(sentence) => self.journal.warn(&mut self.orders.link, sentence),
            // The tool has received the same signal, and was faster.
            Order::Signalled(whom) if self.is_heard() => self.ladder.stop_settling(whom, now),
            Order::Cancel | Order::Force | Order::Signalled(_) => {}
        }
    }

    pub(super) fn take_step(
        &mut self,
        step: Option<Step>,
        watch: &mut Watch,
        now: Instant,
    ) -> ControlFlow<()> {
        match step {
            None => {}
            Some(Step::Interrupt(reason)) => {
                self.interrupt(watch, now);
                let grace_seconds = self.grace.as_secs_f64();
                self.journal
                    .emit(&mut self.orders.link, |seq, at| Event::Stopping {
                        seq,
                        at,
                        reason,
                        grace_seconds,
                    });
            }
            Some(Step::InterruptRest) => self.interrupt(watch, now),
            Some(Step::Kill) => self.tool.kill(),
            Some(Step::GiveUp) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    fn interrupt(&mut self, watch: &mut Watch, now: Instant) {
        let is_heard = self.is_heard();
        let refusing = watch.interruption.begin(&mut self.tool, is_heard, now);
        self.warn_of_refusal(&refusing);
    }

    /// Interrupts processes that a wrapper has started since.
    pub(super) fn interrupt_more(&mut self, watch: &mut Watch, now: Instant) {
        if watch.interruption.next_look().is_none_or(|at| now < at) {
            return;
        }
        let refusing = watch.interruption.look(&mut self.tool, now);
        self.warn_of_refusal(&refusing);
    }

    /// Returns whether the tool has reported that it received a signal, in the read or the unread output.
    fn is_heard(&self) -> bool {
        let mut notice = self.intake.notice.clone();
        // If the unread part is unavailable, the known part decides.
        let _ = self.spool.peek(PEEK_BYTES, |piece| notice.push(piece));
        notice.is_seen()
    }

    fn warn_of_refusal(&mut self, pids: &[i32]) {
        for pid in pids {
            let sentence =
                format!("process {pid} runs as another user: it could not be asked to stop");
            self.journal.warn(&mut self.orders.link, sentence);
        }
    }
}
