//! Reports what is still known of a run whose supervisor was lost.

use std::fs::File;
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::document::of_no_tool;
use super::masking::mask_result;
use crate::output::{Capture, Captured};
use crate::process::{ProcessIdentity, Sighting, memory_file, start_time, within};
use crate::protocol::{Event, Outcome, Request, RunResult, StateReport};
use crate::runner::command::cli_args;
use crate::runner::command::effect::{Effect, effect_of};
use crate::runner::command::leader::Leader;
use crate::runner::messages::mode::Mode;
use crate::runner::preparation::Environment;
use crate::runner::run_dir::{DISK_PATIENCE, OUTPUT};
use crate::runner::state_report;
use crate::runner::state_report::{Before, Files, LockVariables, ToolEnd, WorkPlace};
use crate::runner::tool_output::printed::Printed;

/// Whether the tool of a lost supervisor was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToolStart {
    /// It was not started: the supervisor would have left a mark before.
    NotStarted,
    /// Unknown.
    PerhapsStarted,
    /// It was started, as this process, at this time.
    Started(ProcessIdentity, DateTime<Utc>),
}

/// What the front knows of the run.
#[derive(Debug, Default)]
pub(crate) struct LastKnown {
    /// The bytes of the request; empty if there was none.
    pub(crate) request: Vec<u8>,
    /// The tool's process id, its start time, and when it was started.
    pub(crate) started: Option<(i32, Option<u64>, DateTime<Utc>)>,
    /// Whether the supervisor was about to start the tool.
    pub(crate) may_run: bool,
    /// How the supervisor ended, as the end of a sentence.
    pub(crate) supervisor_end: Option<String>,
}

impl LastKnown {
    pub(crate) fn tool_started(&mut self, pid: i32) {
        self.started = Some((pid, start_time(pid), Utc::now()));
    }

    fn tool(&self) -> ToolStart {
        match self.started {
            Some((pid, start_time, at)) => {
                ToolStart::Started(ProcessIdentity::started_at(pid, start_time), at)
            }
            None if self.may_run => ToolStart::PerhapsStarted,
            None => ToolStart::NotStarted,
        }
    }
}

/// Returns the document that the front prints in the supervisor's place, and its outcome.
pub(crate) fn document(
    known: &LastKnown,
    capture: File,
    mode: Mode,
    lines: u64,
) -> (Vec<u8>, Outcome) {
    let request = Request::parse(&known.request).ok();
    let seen = Capture::reopen(capture).or_else(|_| nothing());
    let end = known.supervisor_end.as_deref().unwrap_or("is gone");
    let mut frame = frame(request.as_ref(), &known.tool(), end);
    if let Some(request) = &request {
        let log = request.run_dir.as_ref().map(|dir| dir.join(OUTPUT));
        let found = within(DISK_PATIENCE, || log?.canonicalize().ok());
        frame.output_file = found.flatten();
        if frame.outcome != Outcome::NotStarted {
            mask_result(&Environment::of(request).matcher, &mut frame);
        }
    }
    let outcome = frame.outcome;
    let document = match seen.as_ref().map(Capture::captured) {
        Ok(Ok(captured)) => encode(with_captured(frame, captured), mode, lines),
        Ok(Err(_)) | Err(_) => encode(frame.with_output(""), mode, lines),
    };
    (document, outcome)
}

fn nothing() -> io::Result<Capture> {
    Ok(Capture::new(memory_file("capture")?, 0))
}

/// Returns the result without its output.
pub(crate) fn frame(request: Option<&Request>, tool: &ToolStart, end: &str) -> RunResult<()> {
    let now = Utc::now();
    let command = request.map_or_else(
        || "the run".to_owned(),
        |request| format!("`{} {}`", request.tool, request.command),
    );
    let (outcome, began_at, sentence) = match tool {
        ToolStart::Started(process, at) => (
            Outcome::Unknown,
            *at,
            format!(
                "the supervisor of {command} {end} before it could report: the outcome is unknown; the \
                 tool {}; check the state before anything is run again",
                whereabouts(process.pid, process.sighting())
            ),
        ),
        ToolStart::PerhapsStarted => (
            Outcome::Unknown,
            now,
            format!(
                "the supervisor of {command} {end} before it could report: it is unknown whether the tool \
                 was started; check the state before anything is run again"
            ),
        ),
        // Contains no text of the request, so that nothing has to be masked: memory may be short.
        ToolStart::NotStarted => (
            Outcome::NotStarted,
            now,
            format!(
                "the supervisor {end} before it had started the tool; nothing ran, and the request may be \
                 sent again, with another `run_dir` if it has one; SIGABRT and SIGKILL most often mean that \
                 memory ran out"
            ),
        ),
    };
    let mut frame = of_no_tool(outcome, sentence, began_at);
    frame.ended_at = now;
    frame.duration_ms = u64::try_from((now - began_at).num_milliseconds()).unwrap_or(0);
    if outcome == Outcome::Unknown {
        frame.output_complete = false;
        frame.state = request.and_then(|request| state(request, began_at));
    }
    frame
}

/// Returns what the working directory shows about the state.
fn state(request: &Request, began_at: DateTime<Utc>) -> Option<StateReport> {
    if effect_of(&request.command, &request.args) != Effect::State {
        return None;
    }
    let place = WorkPlace {
        work_dir: request.work_dir.clone(),
        data_dir: None,
        workspace: None,
        lock_variables: LockVariables::default(),
        args: request.args.clone(),
        plan_file: cli_args::plan_file(&request.command, &request.args)
            .map(|path| request.work_dir.join(path)),
        is_init: request.command == "init",
        started_as: Leader::Wrapper,
    };
    // The record of the earlier files is lost with the supervisor.
    let before = Before::Unknown {
        began_at: began_at.into(),
    };
    let observed = within(DISK_PATIENCE, move || {
        state_report::observe(&place, &before)
    });
    Some(state_report::report(&state_report::ReportInput {
        command: &request.command,
        args: &request.args,
        end: ToolEnd::Lost,
        leader: Leader::Wrapper,
        started_as: Leader::Wrapper,
        printed: &Printed::default(),
        is_whole: false,
        files: &observed.unwrap_or(Files::UNKNOWN),
    }))
}

/// Describes what this process can find out about a process.
fn whereabouts(pid: i32, seen: Sighting) -> String {
    match seen {
        Sighting::Alive => format!("was left alone and still runs as process {pid}"),
        Sighting::Gone => format!("is gone (process {pid})"),
        Sighting::OtherNamespace => format!(
            "cannot be seen from here: it was started as process {pid} of another PID namespace, such as a \
             container that may be gone"
        ),
        Sighting::OtherBoot => format!(
            "cannot be seen from here: it was started as process {pid} on another machine, or before this \
             one was started anew"
        ),
        Sighting::Unknown => {
            format!("may still run as process {pid}: `/proc` does not show whether it does")
        }
    }
}

/// Adds the captured output to a result.
pub(crate) fn with_captured(mut frame: RunResult<()>, captured: Captured) -> RunResult<Captured> {
    frame.output_bytes = captured.total_bytes();
    frame.output_truncated = captured.is_cut();
    frame.with_output(captured)
}

/// Returns the document for stdout.
pub(crate) fn encode<O: Serialize>(result: RunResult<O>, mode: Mode, lines: u64) -> Vec<u8> {
    let mut document = Vec::new();
    // A vector accepts any length, and if the output cannot be read, the document is an empty line.
    if write(result, mode, lines, &mut document).is_err() {
        document = b"\n".to_vec();
    }
    document
}

/// Writes the document for stdout, piece by piece.
pub(crate) fn write<O: Serialize>(
    result: RunResult<O>,
    mode: Mode,
    lines: u64,
    to: &mut impl Write,
) -> io::Result<()> {
    match mode {
        Mode::Document => serde_json::to_writer(&mut *to, &result)?,
        Mode::Stream => {
            let event = Event::Result {
                seq: lines,
                at: Utc::now(),
                result: Box::new(result),
            };
            serde_json::to_writer(&mut *to, &event)?;
        }
    }
    to.write_all(b"\n")
}
