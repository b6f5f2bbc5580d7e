//! Supervises a started tool until no process of it is left.

mod interruption;
mod leader_end;
mod program_files;
mod rest;
mod run_clock;
mod stopping;
mod targets;
mod work_on;

use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::escalation::{Escalation, StopStage};
use super::event_writer::EventWriter;
use super::output_pipeline::OutputPipeline;
use super::stop_requests::StopRequests;
use crate::output::Spool;
use crate::process::{ChildSignals, Ended, ToolGroup};
use crate::protocol::OnDisconnect;
use crate::runner::command::leader::Leader;
use crate::runner::messages::wording::of_system;
use crate::runner::result::run_end::RunEnd;
use crate::runner::result::survivors;

use self::interruption::Interruption;
use self::leader_end::{Rest, ToolLife, rest_after};
use self::rest::RestReader;
use self::run_clock::RunClock;
use self::work_on::WorkOn;

/// How long processes that the tool left behind may take to die. SIGKILL takes an instant; only a process that
/// hangs in a system call takes longer.
const SWEEP: Duration = Duration::from_secs(5);
/// How long pieces are read from the spool before orders are processed again.
const TURN: Duration = Duration::from_millis(5);
/// A running tool, with everything that belongs to it.
pub(crate) struct Supervision<'a> {
    pub(crate) tool: ToolGroup,
    /// Name of its program, which identifies it behind a wrapper.
    pub(crate) program: &'static str,
    /// The started program.
    pub(crate) leader: Leader,
    pub(crate) spool: Spool,
    pub(crate) children: ChildSignals,
    pub(crate) escalation: Escalation,
    pub(crate) on_disconnect: OnDisconnect,
    pub(crate) grace: Duration,
    pub(crate) stop_requests: &'a mut StopRequests,
    pub(crate) event_writer: &'a mut EventWriter,
    pub(crate) pipeline: &'a mut OutputPipeline,
}

/// State of the loop that watches a tool.
pub(crate) struct Watch {
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
    pub(crate) async fn run_to_end(mut self) -> RunEnd {
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
                pipeline: &mut *self.pipeline,
                spool: &mut self.spool,
                event_writer: &mut *self.event_writer,
                stop_requests: &mut *self.stop_requests,
                on_disconnect: self.on_disconnect,
            };
            reading = rest.read(&self.escalation, &mut watch.clock).await;
        }
        if reading.is_ok() {
            reading = self
                .pipeline
                .finish(self.event_writer, &mut self.stop_requests.link);
        }
        if let Err(fault) = &reading {
            let sentence = format!(
                "the output of the tool could not be kept: {}",
                of_system(fault)
            );
            self.event_writer
                .warn(&mut self.stop_requests.link, sentence);
        }
        let passed_over = self.pipeline.passed_over();
        let is_output_read = reading.is_ok() && passed_over.is_none();
        for sentence in [survivors::sentence(&survivors), passed_over]
            .into_iter()
            .flatten()
        {
            self.event_writer
                .warn(&mut self.stop_requests.link, sentence);
        }
        RunEnd {
            ended,
            leader: watch.interruption.last_leader(),
            left_running: watch.leader_end.is_some_and(|(_, left)| left),
            has_tool_outlived: watch.work_on.is_some_and(|work| work.has_seen_tool()),
            interrupted: self.pipeline.notice.is_seen() || watch.interruption.reached_tool(),
            stop_reason: self.escalation.reason(),
            killed: self.escalation.killed(),
            is_output_read,
            output_complete: is_output_read && survivors.is_empty(),
            survivors,
        }
    }

    /// Returns when the tool has ended, or does not die.
    async fn watch(&mut self, watch: &mut Watch, reading: &mut io::Result<()>) -> Option<Ended> {
        let mut stop_request = None;
        loop {
            let now = watch.clock.look(Instant::now());
            // Before any due step, and before the output: if a tool has ended by itself while this process was
            // stopped, or never stops printing, its end must be detected.
            if let ControlFlow::Break(ended) = self.look(watch, now) {
                if let Some(stop_request) = stop_request {
                    self.apply_late_stop_request(stop_request, now);
                }
                return ended;
            }
            if let Some(stop_request) = stop_request.take()
                && self.apply_stop_request(stop_request, watch, now).is_break()
            {
                return None;
            }
            let step = self.escalation.due(now);
            if self.take_step(step, watch, now).is_break() {
                return None;
            }
            self.interrupt_more(watch, now);
            let more = self.take_some(reading);
            let due_at = [
                self.escalation.next_deadline(),
                watch.interruption.next_look(),
                watch.work_on.as_ref().map(WorkOn::next_look),
            ]
            .into_iter()
            .flatten()
            .map(|time| watch.clock.on_machine(time))
            .fold(watch.clock.next_look(), Instant::min);
            let flush_at = self.pipeline.flush_at();
            let urgency = self.event_writer.urgency();
            tokio::select! {
                biased;
                next = self.stop_requests.next() => stop_request = Some(next),
                () = sleep_until(due_at) => {}
                () = self.children.next(self.tool.pid()) => {}
                () = until(flush_at) => {
                    self.pipeline.flush(self.event_writer, &mut self.stop_requests.link);
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
        match rest_after(leader, ended, self.escalation.stage(), tool) {
            Rest::Ended => return ControlFlow::Break(Some(ended)),
            Rest::HasGrace => {
                self.escalation.lose_leader(now);
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
        match self.escalation.stage() {
            StopStage::Killed => true,
            StopStage::Stopping => watch.interruption.is_without_tool(now),
            StopStage::Running => {
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
        self.event_writer
            .warn(&mut self.stop_requests.link, sentence.to_owned());
    }

    /// Reads some output; returns whether more may be available at once.
    fn take_some(&mut self, reading: &mut io::Result<()>) -> bool {
        let began = Instant::now();
        while began.elapsed() < TURN {
            if reading.is_err() {
                return false;
            }
            match self.pipeline.take_of_running(
                &mut self.spool,
                self.event_writer,
                &mut self.stop_requests.link,
            ) {
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
