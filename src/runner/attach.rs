//! `iac-runner attach`: picks up a run whose front is gone.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::journal::Mode;
use super::last_words::Progress;
use super::lost;
use super::run_dir::{self, NoRecord, Record, Standing};
use crate::output::{Capture, Utf8};
use crate::process::{FileWatch, Printer, Urgency, memory_file};
use crate::protocol::{
    DEFAULT_OUTPUT_LIMIT_BYTES, Event, Outcome, Request, RunResult, exit_status,
};

/// How often the supervisor is looked after: a killed one tells nobody.
const CHECK: Duration = Duration::from_millis(100);
/// How long a supervisor may take to create its record and to lock it: a backend may kill the front and
/// attach at once.
const START: Duration = Duration::from_millis(500);

/// A result as far as the exit status needs it.
#[derive(Debug, Deserialize)]
struct Ended {
    outcome: Outcome,
}

/// An event as far as this module needs it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Seen {
    Started {
        pid: i32,
        at: DateTime<Utc>,
    },
    Result {
        result: Ended,
    },
    #[serde(other)]
    Other,
}

/// Opens a record; waits a moment for one that is just being made.
pub(super) async fn open(run_dir: &Path) -> Result<Record, NoRecord> {
    let began = Instant::now();
    loop {
        match Record::open(run_dir) {
            Err(_) if began.elapsed() < START => sleep(CHECK).await,
            answer => return answer,
        }
    }
}

/// Follows the run in a record to its end and prints its result; returns the exit status of the run.
pub(super) async fn follow(record: &Record, mode: Mode, progress: Arc<Progress>) -> io::Result<u8> {
    let mut events = Follower::new(record.file(run_dir::EVENTS), mode, progress);
    let watch = FileWatch::at(&record.file(run_dir::EVENTS));
    let result = record.file(run_dir::RESULT);
    let began = Instant::now();
    let mut was_running = false;
    loop {
        // In this order: what was written before the supervisor ended is read after it.
        let is_over = record.standing()? == Standing::Over;
        was_running |= !is_over;
        if mode == Mode::Stream {
            events.copy()?;
        }
        // The result has its name before its event is written.
        if (mode == Mode::Document || events.result.is_some() || is_over)
            && let Some(outcome) = outcome_of(&result)?
        {
            finish(&result, &events, mode)?;
            return Ok(exit_status::of(outcome));
        }
        if is_over && (was_running || began.elapsed() >= START) {
            events.copy()?;
            return match &events.result {
                Some(recorded) => recorded.print(mode, &events),
                None => tell_of_loss(record, &events, mode),
            };
        }
        tokio::select! {
            () = watch.changed(Urgency::Followed) => {}
            () = sleep(CHECK) => {}
        }
    }
}

/// How the run ended that this file holds the result of; none if it is not there, or not whole.
fn outcome_of(path: &Path) -> io::Result<Option<Outcome>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let ended: Result<Ended, _> = serde_json::from_reader(BufReader::new(file));
    match ended {
        Ok(ended) => Ok(Some(ended.outcome)),
        // What a loss of power left of it.
        Err(fault) if fault.is_eof() || fault.is_syntax() => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// Prints the result as it stands in the record.
fn finish(path: &Path, events: &Follower, mode: Mode) -> io::Result<()> {
    let mut file = BufReader::new(File::open(path)?);
    let mut stdout = Printer;
    match (mode, &events.result) {
        (Mode::Document, _) => io::copy(&mut file, &mut stdout).map(drop),
        (Mode::Stream, Some(recorded)) => {
            stdout.write_all(&recorded.line)?;
            events.progress.wrote(&recorded.line);
            Ok(())
        }
        // The disk was too full for the event.
        (Mode::Stream, None) => {
            let result: RunResult = serde_json::from_reader(file)?;
            stdout.write_all(&lost::encode(result, mode, events.progress.lines()))
        }
    }
}

/// Says that the supervisor was lost, with what the record tells.
fn tell_of_loss(record: &Record, events: &Follower, mode: Mode) -> io::Result<u8> {
    let request = std::fs::read(record.file(run_dir::REQUEST))
        .ok()
        .and_then(|document| Request::parse(document.trim_ascii()).ok());
    let limit = request
        .as_ref()
        .map_or(DEFAULT_OUTPUT_LIMIT_BYTES, |r| r.output_limit_bytes);
    let log = record.file(run_dir::OUTPUT);
    let capture = recapture(&log, limit)?;
    let mut frame = lost::frame(request.as_ref(), events.tool, "was lost");
    frame.output_file = log.exists().then_some(log);
    let result = lost::with_captured(frame, capture.captured()?);
    Printer.write_all(&lost::encode(result, mode, events.progress.lines()))?;
    Ok(exit_status::UNKNOWN)
}

/// Head and tail of an `output.log`.
fn recapture(log: &Path, limit: u64) -> io::Result<Capture> {
    let mut capture = Capture::new(memory_file("capture")?, limit);
    let Ok(mut file) = File::open(log) else {
        return Ok(capture);
    };
    let (mut piece, mut text, mut utf8) = (vec![0; 64 * 1024], String::new(), Utf8::default());
    loop {
        let len = file.read(&mut piece)?;
        if len == 0 {
            break;
        }
        text.clear();
        utf8.push(&piece[..len], &mut text);
        capture.push(&text)?;
    }
    text.clear();
    utf8.finish(&mut text);
    capture.push(&text)?;
    Ok(capture)
}

/// The last event, as it stands in the record.
#[derive(Debug)]
struct Recorded {
    line: Vec<u8>,
    outcome: Outcome,
}

impl Recorded {
    /// Prints the result that it holds; the file of the result was lost.
    fn print(&self, mode: Mode, events: &Follower) -> io::Result<u8> {
        let mut stdout = Printer;
        let event: Event = serde_json::from_slice(&self.line)?;
        match (mode, event) {
            (Mode::Document, Event::Result { result, .. }) => {
                stdout.write_all(&lost::encode(*result, mode, events.progress.lines()))?;
            }
            (Mode::Document | Mode::Stream, _) => {
                stdout.write_all(&self.line)?;
                events.progress.wrote(&self.line);
            }
        }
        Ok(exit_status::of(self.outcome))
    }
}

/// Reads events as they are written, and copies them to stdout under `--stream`.
#[derive(Debug)]
struct Follower {
    path: PathBuf,
    reader: Option<BufReader<File>>,
    mode: Mode,
    /// A line of which the end is still missing.
    line: Vec<u8>,
    progress: Arc<Progress>,
    tool: lost::Tool,
    /// Held back: it is printed last, and once.
    result: Option<Recorded>,
}

impl Follower {
    const fn new(path: PathBuf, mode: Mode, progress: Arc<Progress>) -> Self {
        Self {
            path,
            reader: None,
            mode,
            line: Vec::new(),
            progress,
            // The record does not tell of a start that was only tried.
            tool: lost::Tool::PerhapsStarted,
            result: None,
        }
    }

    /// Takes every whole line that is there.
    fn copy(&mut self) -> io::Result<()> {
        if self.reader.is_none() {
            // Not there yet, or the disk was too full for it.
            self.reader = File::open(&self.path)
                .ok()
                .map(|file| BufReader::with_capacity(64 * 1024, file));
        }
        let Some(reader) = &mut self.reader else {
            return Ok(());
        };
        let mut stdout = Printer;
        loop {
            let len = reader.read_until(b'\n', &mut self.line)?;
            if !self.line.ends_with(b"\n") {
                if len == 0 {
                    // The end for now; what comes later is read from here.
                    return stdout.flush();
                }
                continue;
            }
            match serde_json::from_slice(&self.line) {
                Ok(Seen::Result { result }) => {
                    self.result = Some(Recorded {
                        line: std::mem::take(&mut self.line),
                        outcome: result.outcome,
                    });
                    continue;
                }
                Ok(Seen::Started { pid, at }) => self.tool = lost::Tool::Started(pid, at),
                Ok(Seen::Other) | Err(_) => {}
            }
            if self.mode == Mode::Stream {
                stdout.write_all(&self.line)?;
                self.progress.wrote(&self.line);
            }
            self.line.clear();
        }
    }
}
