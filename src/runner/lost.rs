//! What can still be said of a run whose supervisor was lost.

use std::fs::File;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::document::of_no_tool;
use super::journal::Mode;
use super::masking::mask_result;
use super::preparation::Environment;
use super::run_dir;
use super::state_report::{self, ToolEnd, WorkPlace};
use crate::output::{Capture, Captured};
use crate::process::memory_file;
use crate::protocol::{
    DEFAULT_OUTPUT_LIMIT_BYTES, Event, Outcome, Request, RunResult, StateReport,
};

/// Whether the tool of a lost supervisor was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// It was not: the supervisor would have left a mark before.
    NotStarted,
    /// Nobody knows.
    PerhapsStarted,
    /// It was, with this process id, at this time.
    Started(i32, DateTime<Utc>),
}

/// What the front has seen of the run.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The bytes of the request, empty if there was none.
    pub(super) request: Vec<u8>,
    /// The tool's process id and when it was started.
    pub(super) started: Option<(i32, DateTime<Utc>)>,
    /// Whether the supervisor was about to start the tool.
    pub(super) may_run: bool,
    /// How the supervisor ended, as the end of a sentence.
    pub(super) supervisor_end: Option<String>,
}

impl Known {
    pub(super) fn tool_started(&mut self, pid: i32) {
        self.started = Some((pid, Utc::now()));
    }

    const fn tool(&self) -> Tool {
        match self.started {
            Some((pid, at)) => Tool::Started(pid, at),
            None if self.may_run => Tool::PerhapsStarted,
            None => Tool::NotStarted,
        }
    }
}

/// The document that the front prints in the supervisor's place, and its outcome.
pub(super) fn document(known: &Known, capture: File, mode: Mode, lines: u64) -> (Vec<u8>, Outcome) {
    let request = Request::parse(&known.request).ok();
    let limit = request
        .as_ref()
        .map_or(DEFAULT_OUTPUT_LIMIT_BYTES, |r| r.output_limit_bytes);
    let seen = Capture::reopen(capture, limit).or_else(|_| nothing());
    let end = known.supervisor_end.as_deref().unwrap_or("is gone");
    let mut frame = frame(request.as_ref(), known.tool(), end);
    if let Some(request) = &request {
        let log = request
            .run_dir
            .as_ref()
            .map(|dir| dir.join(run_dir::OUTPUT));
        frame.output_file = log.and_then(|log| log.canonicalize().ok());
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

fn nothing() -> std::io::Result<Capture> {
    Ok(Capture::new(memory_file("capture")?, 0))
}

/// The result without its output.
pub(super) fn frame(request: Option<&Request>, tool: Tool, end: &str) -> RunResult<()> {
    let now = Utc::now();
    let command = request.map_or_else(
        || "the run".to_owned(),
        |request| format!("`{} {}`", request.tool, request.command),
    );
    let (outcome, began_at, sentence) = match tool {
        Tool::Started(pid, at) => (
            Outcome::Unknown,
            at,
            format!(
                "the supervisor of {command} {end} before it could report: the outcome is unknown; the \
                 tool was left alone and {}; check the state before anything is run again",
                whereabouts(pid, request)
            ),
        ),
        Tool::PerhapsStarted => (
            Outcome::Unknown,
            now,
            format!(
                "the supervisor of {command} {end} before it could report: nobody knows whether the tool \
                 was started; check the state before anything is run again"
            ),
        ),
        // Without a word of the request, so that nothing needs to be masked: memory may be short.
        Tool::NotStarted => (
            Outcome::NotStarted,
            now,
            format!(
                "the supervisor {end} before it had started the tool; nothing ran, and the request may be \
                 sent again; SIGABRT and SIGKILL most often mean that memory ran out"
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

/// What the working directory tells of the state.
fn state(request: &Request, began_at: DateTime<Utc>) -> Option<StateReport> {
    state_report::report(&state_report::Observed {
        command: &request.command,
        args: &request.args,
        end: ToolEnd::Lost,
        text: "",
        files: &state_report::observe(
            &WorkPlace {
                work_dir: &request.work_dir,
                data_dir: None,
                workspace: None,
                args: &request.args,
            },
            began_at.into(),
        ),
    })
}

/// Whether the process is still there, and still the tool.
fn whereabouts(pid: i32, request: Option<&Request>) -> String {
    let process = format!("/proc/{pid}");
    let works_in = Path::new(&process).join("cwd").read_link().ok();
    let expected = request.and_then(|request| request.work_dir.canonicalize().ok());
    if works_in.is_some() && works_in == expected {
        format!("still runs as process {pid}")
    } else {
        format!("process {pid} is gone")
    }
}

/// Puts what was captured into a result.
pub(super) fn with_captured<'a>(
    mut frame: RunResult<()>,
    captured: Captured<'a>,
) -> RunResult<Captured<'a>> {
    frame.output_bytes = captured.total_bytes();
    frame.output_truncated = captured.is_cut();
    frame.with_output(captured)
}

/// The document as it goes to stdout.
pub(super) fn encode<O: Serialize>(result: RunResult<O>, mode: Mode, lines: u64) -> Vec<u8> {
    let encoded = match mode {
        Mode::Document => serde_json::to_vec(&result),
        Mode::Stream => serde_json::to_vec(&Event::Result {
            seq: lines,
            at: Utc::now(),
            result: Box::new(result),
        }),
    };
    let mut document = encoded.unwrap_or_default();
    document.push(b'\n');
    document
}
