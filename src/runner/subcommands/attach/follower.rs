//! Reads events as they are written, and prints them under `--stream`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::pulse::{Pulse, Watched};
use crate::output::{Capture, Captured, Excerpt};
use crate::process::{FileWatch, Printer, ProcessIdentity, Urgency};
use crate::protocol::{Event, RunResult, timestamp};
use crate::runner::front::panic_hook::FrontProgress;
use crate::runner::messages::mode::Mode;
use crate::runner::result::lost_supervisor::ToolStart;
use crate::runner::run_dir::{EVENTS, Introduction, OUTPUT, Record, StoredOutput};

/// Longest line that is read: in records of earlier versions, the last line contains the whole output.
const MAX_LINE_BYTES: usize = 64 * 1024 * 1024;

/// The fields of a stored event that are needed for more than printing it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Stored {
    Started {
        pid: i32,
        at: DateTime<Utc>,
        start_time: Option<u64>,
    },
    Output {
        seq: u64,
        at: DateTime<Utc>,
        /// Without these fields the event contains its text.
        offset: Option<u64>,
        length: Option<u64>,
    },
    Result {
        seq: u64,
        at: DateTime<Utc>,
        result: Box<RunResult<Shown>>,
    },
    #[serde(other)]
    Other,
}

/// The output of a stored result.
#[derive(Deserialize)]
#[serde(untagged)]
enum Shown {
    Places(StoredOutput),
    Text(String),
}

/// The output of a result as it is printed.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Output {
    Log(Captured),
    Text(String),
}

/// An `output` event as it is printed.
#[derive(Serialize)]
#[serde(tag = "type", rename = "output")]
struct OutputEvent {
    seq: u64,
    #[serde(serialize_with = "timestamp::serialize")]
    at: DateTime<Utc>,
    text: Excerpt,
}

/// The events of a record.
#[derive(Debug)]
pub(crate) struct Follower<'a> {
    record: &'a Record,
    pub(crate) pulse: &'a Pulse,
    reader: Option<(BufReader<File>, FileWatch)>,
    mode: Mode,
    /// A line whose end is still missing.
    line: Vec<u8>,
    pub(crate) progress: Arc<FrontProgress>,
    pub(crate) tool: ToolStart,
    /// Held back: it is printed last, and once.
    result: Option<Event<Output>>,
}

impl<'a> Follower<'a> {
    pub(crate) const fn new(
        record: &'a Record,
        mode: Mode,
        progress: Arc<FrontProgress>,
        pulse: &'a Pulse,
    ) -> Self {
        Self {
            record,
            pulse,
            reader: None,
            mode,
            line: Vec::new(),
            progress,
            // The record does not show a failed attempt to start the tool.
            tool: ToolStart::PerhapsStarted,
            result: None,
        }
    }

    /// Returns whether the last event has been read.
    pub(crate) const fn has_result(&self) -> bool {
        self.result.is_some()
    }

    /// Takes the last event, if it has been read.
    pub(crate) const fn take_result(&mut self) -> Option<Event<Output>> {
        self.result.take()
    }

    /// Returns a reference to the last event, if it has been read.
    pub(crate) const fn result(&self) -> Option<&Event<Output>> {
        self.result.as_ref()
    }

    /// Returns when there may be more to read; never returns without a file.
    pub(crate) async fn changed(&self) {
        match &self.reader {
            Some((_, watch)) => watch.changed(Urgency::Followed).await,
            None => std::future::pending().await,
        }
    }

    /// Opens the file once it exists; a full disk may have prevented its creation.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        if self.reader.is_none()
            && let Some(file) = self.record.read(EVENTS)?
        {
            let watch = FileWatch::of(&file);
            self.reader = Some((BufReader::with_capacity(64 * 1024, file), watch));
        }
        Ok(())
    }

    /// Processes every complete line.
    pub(crate) fn copy(&mut self) -> io::Result<()> {
        self.open()?;
        let mut stdout = self.stdout();
        let mut lines = 0;
        while self.read_line()? {
            lines += u64::from(self.take_line(&mut stdout)?);
            self.pulse.beat();
            self.line.clear();
        }
        stdout.flush()?;
        // Count the lines only after they have been written.
        for _ in 0..lines {
            self.progress.wrote(b"\n");
        }
        Ok(())
    }

    /// Returns stdout, writing in pieces that report progress.
    pub(crate) fn stdout(&self) -> BufWriter<Watched<'a, Printer>> {
        let watched = Watched {
            of: Printer,
            pulse: self.pulse,
        };
        BufWriter::with_capacity(64 * 1024, watched)
    }

    /// Reads more of a line; returns whether it is complete.
    fn read_line(&mut self) -> io::Result<bool> {
        let Some((reader, _)) = &mut self.reader else {
            return Ok(false);
        };
        let room = (MAX_LINE_BYTES - self.line.len()) as u64;
        reader.take(room).read_until(b'\n', &mut self.line)?;
        if self.line.len() >= MAX_LINE_BYTES {
            let path = self.record.path_of(EVENTS);
            return Err(io::Error::other(format!(
                "`{}` has a line of more than {MAX_LINE_BYTES} bytes",
                path.display()
            )));
        }
        Ok(self.line.ends_with(b"\n"))
    }

    /// Processes a complete line; returns whether it was printed.
    fn take_line(&mut self, stdout: &mut impl Write) -> io::Result<bool> {
        match serde_json::from_slice(&self.line) {
            Ok(Stored::Output {
                seq,
                at,
                offset: Some(offset),
                length: Some(length),
            }) => {
                let text = self.log()?.excerpt(offset, offset.saturating_add(length));
                return self.print(&OutputEvent { seq, at, text }, stdout);
            }
            Ok(Stored::Result { seq, at, result }) => {
                let result = Box::new(self.expanded(*result)?);
                self.result = Some(Event::Result { seq, at, result });
                return Ok(false);
            }
            Ok(Stored::Started {
                pid,
                at,
                start_time,
            }) => self.tool = ToolStart::Started(self.identity(pid, start_time)?, at),
            Ok(Stored::Output { .. } | Stored::Other) | Err(_) => {}
        }
        // Fields that exist only in the record are left out.
        match serde_json::from_slice::<Event>(&self.line) {
            Ok(event) => self.print(&event, stdout),
            // An event of a later version.
            Err(_) if self.mode == Mode::Stream => stdout.write_all(&self.line).map(|()| true),
            Err(_) => Ok(false),
        }
    }

    fn print(&self, event: &impl Serialize, stdout: &mut impl Write) -> io::Result<bool> {
        if self.mode == Mode::Document {
            return Ok(false);
        }
        serde_json::to_writer(&mut *stdout, event)?;
        stdout.write_all(b"\n")?;
        Ok(true)
    }

    /// Returns the recorded output of the run; empty without a file.
    fn log(&self) -> io::Result<Capture> {
        log(self.record, u64::MAX)
    }

    /// Returns a stored result with its output, which is incomplete if the log is shorter than it was.
    fn expanded(&self, mut stored: RunResult<Shown>) -> io::Result<RunResult<Output>> {
        let output = match &stored.output {
            Shown::Text(text) => Output::Text(text.clone()),
            Shown::Places(places) => {
                let log = self.log()?;
                let end = places.length.min(log.total_bytes());
                stored.output_complete &= end == places.length;
                let tail = places.tail_offset.min(end);
                Output::Log(log.cut_at(places.head_length.min(tail), tail))
            }
        };
        Ok(stored.with_output(output))
    }

    /// Returns the identity of the tool, which runs in the same namespaces as its supervisor.
    fn identity(&self, pid: i32, start_time: Option<u64>) -> io::Result<ProcessIdentity> {
        Ok(match self.record.introduction()? {
            Introduction::Of(supervisor, _) => ProcessIdentity {
                pid,
                start_time,
                ..supervisor
            },
            Introduction::Missing => ProcessIdentity::untold(pid),
        })
    }
}

/// Returns the `output.log` of a record; an empty one if it does not exist.
pub(crate) fn log(record: &Record, limit_bytes: u64) -> io::Result<Capture> {
    match record.read(OUTPUT)? {
        Some(log) => Capture::of_log(log, limit_bytes),
        None => Ok(Capture::new(crate::process::memory_file("capture")?, 0)),
    }
}
