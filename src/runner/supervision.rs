//! Stays with a started tool until nothing of it is left.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::intake::Intake;
use super::journal::Journal;
use super::ladder::{KillCause, Ladder, Step};
use super::orders::{Order, Orders};
use super::wording::of_system;
use crate::output::Spool;
use crate::process::{ChildSignals, Ended, Survivors, ToolGroup};
use crate::protocol::{Event, OnDisconnect, StopReason};

/// How long what the tool left behind may take to die. SIGKILL takes an instant; only a process that
/// hangs in a system call takes longer.
const SWEEP: Duration = Duration::from_secs(5);
/// How long pieces are taken from the spool before orders are looked at again.
const TURN: Duration = Duration::from_millis(5);

/// How a supervision came to its end.
#[derive(Debug)]
pub(super) struct Outlived {
    /// How the tool ended; `None` when it did not die of SIGKILL in time.
    pub(super) ended: Option<Ended>,
    /// Why it was stopped, if it was.
    pub(super) stop_reason: Option<StopReason>,
    /// Why it was ended with SIGKILL by us, if it was.
    pub(super) killed: Option<KillCause>,
    /// What could not be ended.
    pub(super) survivors: Survivors,
    /// Whether the output was read to its end.
    pub(super) output_complete: bool,
}

/// A tool that runs, with all that belongs to it.
pub(super) struct Supervision<'a> {
    pub(super) tool: ToolGroup,
    pub(super) spool: Spool,
    pub(super) children: ChildSignals,
    pub(super) ladder: Ladder,
    pub(super) on_disconnect: OnDisconnect,
    pub(super) grace: Duration,
    pub(super) orders: &'a mut Orders,
    pub(super) journal: &'a mut Journal,
    pub(super) intake: &'a mut Intake,
}

impl Supervision<'_> {
    /// Stays until the tool has ended, everything that it started is gone, and its output is read.
    ///
    /// # Errors
    /// When the spool cannot be read or the capture not be written. The tool is not left alone for
    /// that: the fault is remembered, and the output counts as incomplete.
    pub(super) async fn outlive(mut self) -> Outlived {
        let mut reading = Ok(());
        let ended = self.watch(&mut reading).await;
        let survivors = self.tool.sweep(SWEEP).await;
        // Whatever could write is gone, so the end of the spool is the end of the output.
        while reading.is_ok() {
            match self
                .intake
                .take(&mut self.spool, self.journal, &mut self.orders.link)
            {
                Ok(true) => {}
                Ok(false) => break,
                Err(fault) => reading = Err(fault),
            }
        }
        if reading.is_ok() {
            reading = self.intake.finish(self.journal, &mut self.orders.link);
        }
        if let Err(fault) = &reading {
            let sentence = format!(
                "the output of the tool could not be kept: {}",
                of_system(fault)
            );
            self.journal.warn(&mut self.orders.link, sentence);
        }
        Outlived {
            ended,
            stop_reason: self.ladder.reason(),
            killed: self.ladder.killed(),
            output_complete: reading.is_ok() && survivors.pids.is_empty(),
            survivors,
        }
    }

    /// Returns when the tool has ended, or does not die.
    async fn watch(&mut self, reading: &mut io::Result<()>) -> Option<Ended> {
        loop {
            // Before the output: a tool that never stops printing must be seen to have ended.
            match self.tool.ended() {
                Ok(None) => {}
                Ok(Some(ended)) => return Some(ended),
                Err(_) => return None,
            }
            let more = self.take_some(reading);
            let flush_at = self.intake.flush_at();
            let due_at = self.ladder.next_deadline();
            let urgency = self.journal.urgency();
            tokio::select! {
                biased;
                order = self.orders.next() => {
                    if self.obey(order).is_break() {
                        return None;
                    }
                }
                () = until(due_at) => {
                    let step = self.ladder.due(Instant::now());
                    if self.take_step(step).is_break() {
                        return None;
                    }
                }
                () = self.children.next(self.tool.pid()) => {}
                () = until(flush_at) => {
                    self.intake.flush(self.journal, &mut self.orders.link);
                }
                () = tokio::task::yield_now(), if more => {}
                () = self.spool.changed(urgency), if !more && reading.is_ok() => {}
            }
        }
    }

    /// Takes some output; whether there may be more at once.
    fn take_some(&mut self, reading: &mut io::Result<()>) -> bool {
        let began = Instant::now();
        while began.elapsed() < TURN {
            if reading.is_err() {
                return false;
            }
            match self
                .intake
                .take(&mut self.spool, self.journal, &mut self.orders.link)
            {
                Ok(true) => {}
                Ok(false) => return false,
                Err(fault) => *reading = Err(fault),
            }
        }
        true
    }

    fn obey(&mut self, order: Order) -> std::ops::ControlFlow<()> {
        let now = Instant::now();
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
        self.take_step(step)
    }

    fn take_step(&mut self, step: Option<Step>) -> std::ops::ControlFlow<()> {
        match step {
            None => {}
            Some(Step::Interrupt(reason)) => {
                if !is_interrupted(self.intake.tail.as_str()) {
                    self.tool.interrupt();
                }
                let grace_seconds = self.grace.as_secs_f64();
                self.journal
                    .emit(&mut self.orders.link, |seq, at| Event::Stopping {
                        seq,
                        at,
                        reason,
                        grace_seconds,
                    });
            }
            Some(Step::Kill) => self.tool.kill(),
            Some(Step::GiveUp) => return std::ops::ControlFlow::Break(()),
        }
        std::ops::ControlFlow::Continue(())
    }
}

/// Whether the tool says that it has had a signal already, from somebody else.
///
/// Then ours would be its second, and it would abandon its state. Both tools print this line at the
/// first signal; what a provisioner prints never stands at the start of a line.
fn is_interrupted(text: &str) -> bool {
    anstream::adapter::strip_str(text)
        .to_string()
        .lines()
        .any(|line| line.starts_with("Interrupt received."))
}

/// Returns at the deadline; never without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tool_itself_says_that_it_is_interrupted() {
        let table = [
            (
                "\nInterrupt received.\nPlease wait for Terraform to exit",
                true,
            ),
            ("\u{1b}[31mInterrupt received.\u{1b}[0m\n", true),
            (
                "terraform_data.a (local-exec): Interrupt received.\n",
                false,
            ),
            ("Apply complete!\n", false),
        ];
        for (text, interrupted) in table {
            assert_eq!(is_interrupted(text), interrupted, "{text}");
        }
    }
}
