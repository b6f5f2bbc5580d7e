//! Prints how a run ended.

use std::io::{self, BufReader, Read, Write};

use chrono::Utc;
use serde::Deserialize;

use super::follower::{self, Follower, Output};
use super::pulse::{Pulse, Watched};
use crate::protocol::{
    DEFAULT_OUTPUT_LIMIT_BYTES, Event, Outcome, Request, RunResult, exit_status,
};
use crate::runner::messages::mode::Mode;
use crate::runner::result::lost_supervisor;
use crate::runner::run_dir::{OUTPUT, REQUEST, RESULT, Record};

/// Longest request that is read; the runner accepts no longer one.
const MAX_REQUEST_BYTES: u64 = 2 * 1024 * 1024;

/// Message for a record that has a result but no last event.
const INCOMPLETE: &str = "the events of the run were not recorded to their end, and some of its output may be missing before \
     this; the result is whole";

/// The fields of a result that the exit status depends on.
#[derive(Debug, Deserialize)]
struct ResultSummary {
    outcome: Outcome,
}

/// Returns the outcome in the recorded result; `None` if the file is missing or incomplete.
pub(crate) fn recorded_outcome(record: &Record, pulse: &Pulse) -> io::Result<Option<Outcome>> {
    let Some(file) = record.read(RESULT)? else {
        return Ok(None);
    };
    let ended: Result<ResultSummary, _> =
        serde_json::from_reader(BufReader::new(Watched { of: file, pulse }));
    match ended {
        Ok(ended) => Ok(Some(ended.outcome)),
        // Truncated by a power loss.
        Err(fault) if fault.is_eof() || fault.is_syntax() => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// Prints the recorded result.
pub(crate) fn print(record: &Record, events: &Follower<'_>, mode: Mode) -> io::Result<()> {
    if mode == Mode::Stream
        && let Some(event) = events.result()
    {
        return print_line(event, events);
    }
    let Some(file) = record.read(RESULT)? else {
        return Err(io::Error::other("the result was removed"));
    };
    let pulse = events.pulse;
    let mut file = BufReader::with_capacity(64 * 1024, Watched { of: file, pulse });
    match mode {
        Mode::Document => {
            let mut stdout = events.stdout();
            io::copy(&mut file, &mut stdout)?;
            stdout.flush()
        }
        // The disk was full, or hung.
        Mode::Stream => {
            let result: RunResult = serde_json::from_reader(file)?;
            let message = INCOMPLETE.to_owned();
            let (seq, at) = (events.progress.lines(), Utc::now());
            print_line(&Event::<()>::Warning { seq, at, message }, events)?;
            write(result, mode, events)
        }
    }
}

/// Prints the result in the last event; the result file was lost.
pub(crate) fn print_event(
    event: &Event<Output>,
    events: &Follower<'_>,
    mode: Mode,
) -> io::Result<u8> {
    let Event::Result { result, .. } = event else {
        return Ok(exit_status::UNKNOWN);
    };
    match mode {
        Mode::Document => print_line(result, events)?,
        Mode::Stream => print_line(event, events)?,
    }
    Ok(exit_status::of(result.outcome))
}

/// Reports that the supervisor was lost, with the data of the record.
pub(crate) fn report_loss(record: &Record, events: &Follower<'_>, mode: Mode) -> io::Result<u8> {
    let request = request(record);
    let limit = request
        .as_ref()
        .map_or(DEFAULT_OUTPUT_LIMIT_BYTES, |r| r.output_limit_bytes);
    let log = follower::log(record, limit)?;
    let mut frame = lost_supervisor::frame(request.as_ref(), &events.tool, "was lost");
    frame.output_file = record.read(OUTPUT)?.map(|_| record.path_of(OUTPUT));
    write(
        lost_supervisor::with_captured(frame, log.captured()?),
        mode,
        events,
    )?;
    Ok(exit_status::UNKNOWN)
}

/// Returns the recorded request; `None` if it cannot be read.
fn request(record: &Record) -> Option<Request> {
    let mut document = Vec::new();
    let file = record.read(REQUEST).ok()??;
    file.take(MAX_REQUEST_BYTES)
        .read_to_end(&mut document)
        .ok()?;
    Request::parse(document.trim_ascii()).ok()
}

fn write<O: serde::Serialize>(
    result: RunResult<O>,
    mode: Mode,
    events: &Follower<'_>,
) -> io::Result<()> {
    let mut stdout = events.stdout();
    lost_supervisor::write(result, mode, events.progress.lines(), &mut stdout)?;
    stdout.flush()
}

fn print_line(document: &impl serde::Serialize, events: &Follower<'_>) -> io::Result<()> {
    let mut stdout = events.stdout();
    serde_json::to_writer(&mut stdout, document)?;
    stdout.write_all(b"\n")?;
    stdout.flush()?;
    events.progress.wrote(b"\n");
    Ok(())
}
