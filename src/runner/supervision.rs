//! Supervises a started tool until no process of it is left.

mod interrupt_notice;
mod interruption;
mod leader_end;
mod outlived;
mod program_files;
mod rest;
mod run_clock;
mod stopping;
mod survivors;
mod targets;
mod work_on;

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::intake::Intake;
use super::journal::Journal;
use super::ladder::{Ladder, Stage};
use super::leader::Leader;
use super::orders::Orders;
use super::wording::of_system;
use crate::output::Spool;
use crate::process::{ChildSignals, Ended, ToolGroup};
use crate::protocol::OnDisconnect;

pub(super) use interrupt_notice::InterruptNotice;
use interruption::Interruption;
use leader_end::{Rest, ToolLife, rest_after};
pub(super) use outlived::Outlived;
use rest::RestReader;
use run_clock::RunClock;
pub(super) use survivors::sentence as survivors_sentence;
use work_on::WorkOn;

/// How long processes that the tool left behind may take to die. SIGKILL takes an instant; only a process that
/// hangs in a system call takes longer.
const SWEEP: Duration = Duration::from_secs(5);
/// How long pieces are read from the spool before orders are processed again.
const TURN: Duration = Duration::from_millis(5);
/// A running tool, with everything that belongs to it.
pub(super) struct Supervision<'a> {
    pub(super) tool: ToolGroup,
    /// Name of its program, which identifies it behind a wrapper.
    pub(super) program: &'static str,
    /// The started program.
    pub(super) leader: Leader,
    pub(super) spool: Spool,
    pub(super) children: ChildSignals,
    pub(super) ladder: Ladder,
    pub(super) on_disconnect: OnDisconnect,
    pub(super) grace: Duration,
    pub(super) orders: &'a mut Orders,
    pub(super) journal: &'a mut Journal,
    pub(super) intake: &'a mut Intake,
}

/// State of the loop that watches a tool.
struct Watch {
    clock: RunClock,
    interruption: Interruption,
    /// How the leader ended, once it has, and whether other processes were alive then.
    leader_end: Option<(Ended, bool)>,
    /// The tool behind a wrapper that has ended by itself.
    work_on: Option<WorkOn>,
}

impl Supervision<'_> {
    /// Waits until the tool has ended, everything that it started is gone, and its output is read.
    ///
    /// # Errors
    /// The spool cannot be read or the capture cannot be written. The tool is still supervised then: the fault is
    /// remembered, and the output counts as incomplete.
    pub(super) async fn outlive(mut self) -> Outlived {
        let mut reading = Ok(());
        let mut watch = Watch {
            clock: RunClock::new(Instant::now()),
            interruption: Interruption::new(self.program, self.leader, self.grace),
            leader_end: None,
            work_on: None,
        };
        let ended = self.watch(&mut watch, &mut reading).await;
        let survivors = self.tool.sweep(SWEEP).await;
        if reading.is_ok() {
            let rest = RestReader {
                intake: &mut *self.intake,
                spool: &mut self.spool,
                journal: &mut *self.journal,
                orders: &mut *self.orders,
                on_disconnect: self.on_disconnect,
            };
            reading = rest.read(&self.ladder, &mut watch.clock).await;
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
        let passed_over = self.intake.passed_over();
        let is_output_read = reading.is_ok() && passed_over.is_none();
        for sentence in [survivors_sentence(&survivors), passed_over]
            .into_iter()
            .flatten()
        {
            self.journal.warn(&mut self.orders.link, sentence);
        }
        Outlived {
            ended,
            leader: watch.interruption.last_leader(),
            left_running: watch.leader_end.is_some_and(|(_, left)| left),
            has_tool_outlived: watch.work_on.is_some_and(|work| work.has_seen_tool()),
            interrupted: self.intake.notice.is_seen() || watch.interruption.reached_tool(),
            stop_reason: self.ladder.reason(),
            killed: self.ladder.killed(),
            is_output_read,
            output_complete: is_output_read && survivors.is_empty(),
            survivors,
        }
    }

    /// Returns when the tool has ended, or does not die.
    async fn watch(&mut self, watch: &mut Watch, reading: &mut io::Result<()>) -> Option<Ended> {
        let mut order = None;
        loop {
            let now = watch.clock.look(Instant::now());
            // Before any due step, and before the output: if a tool has ended by itself while this process was
            // stopped, or never stops printing, its end must be detected.
            if let ControlFlow::Break(ended) = self.look(watch, now) {
                if let Some(order) = order {
                    self.obey_late(order, now);
                }
                return ended;
            }
            if let Some(order) = order.take()
                && self.obey(order, watch, now).is_break()
            {
                return None;
            }
            let step = self.ladder.due(now);
            if self.take_step(step, watch, now).is_break() {
                return None;
            }
            self.interrupt_more(watch, now);
            let more = self.take_some(reading);
            let due_at = [
                self.ladder.next_deadline(),
                watch.interruption.next_look(),
                watch.work_on.as_ref().map(WorkOn::next_look),
            ]
            .into_iter()
            .flatten()
            .map(|time| watch.clock.on_machine(time))
            .fold(watch.clock.next_look(), Instant::min);
            let flush_at = self.intake.flush_at();
            let urgency = self.journal.urgency();
            tokio::select! {
                biased;
                next = self.orders.next() => order = Some(next),
                () = sleep_until(due_at) => {}
                () = self.children.next(self.tool.pid()) => {}
                () = until(flush_at) => {
                    self.intake.flush(self.journal, &mut self.orders.link);
                }
                () = tokio::task::yield_now(), if more => {}
                () = self.spool.changed(urgency), if !more && reading.is_ok() => {}
            }
        }
    }

    /// Checks whether the run has ended.
    fn look(&mut self, watch: &mut Watch, now: Instant) -> ControlFlow<Option<Ended>> {
        if let Some((ended, _)) = watch.leader_end {
            return if self.is_rest_done(watch, now) {
                ControlFlow::Break(Some(ended))
            } else {
                ControlFlow::Continue(())
            };
        }
        let leader = watch.interruption.leader(&self.tool);
        let ended = match self.tool.ended() {
            Ok(None) => return ControlFlow::Continue(()),
            Ok(Some(ended)) => ended,
            Err(_) => return ControlFlow::Break(None),
        };
        let left_running = self.tool.is_any_alive();
        watch.leader_end = Some((ended, left_running));
        if !left_running {
            return ControlFlow::Break(Some(ended));
        }
        let tool = watch.interruption.tool_life(&self.tool);
        match rest_after(leader, ended, self.ladder.stage(), tool) {
            Rest::Ended => return ControlFlow::Break(Some(ended)),
            Rest::HasGrace => {
                self.ladder.lose_leader(now);
                self.warn_of_rest(
                    "the program in the tool's place has ended, and processes that it started have not: \
                     they keep the grace",
                );
            }
            Rest::WorksOn => self.work_on(watch, tool, now),
        }
        watch.interruption.leader_ended(&self.tool, now);
        ControlFlow::Continue(())
    }

    /// Lets the tool, if there is one, continue although the wrapper has ended.
    fn work_on(&mut self, watch: &mut Watch, tool: ToolLife, now: Instant) {
        let work = watch.work_on.get_or_insert_with(|| WorkOn::new(now));
        if work.look(tool, now) {
            self.warn_of_rest(
                "the program in the tool's place has ended, and the tool has not: it is left to finish",
            );
        }
    }

    /// Returns whether the processes that outlived the leader have ended, or have to be killed.
    fn is_rest_done(&mut self, watch: &mut Watch, now: Instant) -> bool {
        if !self.tool.is_any_alive() {
            return true;
        }
        match self.ladder.stage() {
            Stage::Killed => true,
            Stage::Stopping => watch.interruption.is_without_tool(now),
            Stage::Running => {
                if watch
                    .work_on
                    .as_ref()
                    .is_some_and(|work| now >= work.next_look())
                {
                    let tool = watch.interruption.tool_life(&self.tool);
                    self.work_on(watch, tool, now);
                }
                watch.work_on.as_ref().is_none_or(|work| work.is_done())
            }
        }
    }

    fn warn_of_rest(&mut self, sentence: &str) {
        self.journal
            .warn(&mut self.orders.link, sentence.to_owned());
    }

    /// Reads some output; returns whether more may be available at once.
    fn take_some(&mut self, reading: &mut io::Result<()>) -> bool {
        let began = Instant::now();
        while began.elapsed() < TURN {
            if reading.is_err() {
                return false;
            }
            match self
                .intake
                .take_of_running(&mut self.spool, self.journal, &mut self.orders.link)
            {
                Ok(true) => {}
                Ok(false) => return false,
                Err(fault) => *reading = Err(fault),
            }
        }
        true
    }
}

/// Returns at the deadline; never returns without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
