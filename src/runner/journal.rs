//! The events of a run, numbered, for whoever follows them.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::link::{Link, Message};
use super::masking::masked_sentence;
use super::relay::RelayWriter;
use super::run_dir::RecordFile;
use crate::output::Matcher;
use crate::process::Urgency;
use crate::protocol::{Event, RunResult};

/// What the front wants on its stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The result document alone.
    Document,
    /// Every event.
    Stream,
}

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    All,
    /// What runs is not yet the run.
    WarningsAlone,
}

/// Writes events to the run directory and to the front.
///
/// A file that cannot be written any more is left, with a warning; a front that is gone is left
/// silently. Neither stops the run.
#[derive(Debug)]
pub(super) struct Journal {
    mode: Mode,
    relay: RelayWriter,
    /// Whether anybody reads what goes into the relay.
    has_reader: bool,
    written: Written,
    file: Option<RecordFile>,
    /// For warnings: what else an event holds is masked before.
    matcher: Option<Arc<Matcher>>,
    next: u64,
    line: Vec<u8>,
}

impl Journal {
    pub(super) const fn new(mode: Mode, relay: RelayWriter) -> Self {
        Self {
            mode,
            relay,
            has_reader: true,
            written: Written::All,
            file: None,
            matcher: None,
            next: 0,
            line: Vec::new(),
        }
    }

    /// Writes all that follows to a file, too.
    pub(super) fn record_in(&mut self, file: RecordFile) {
        self.file = Some(file);
    }

    /// Masks all warnings that follow.
    pub(super) fn mask_with(&mut self, matcher: Arc<Matcher>) {
        self.matcher = Some(matcher);
    }

    /// Whether anybody follows the output as it comes.
    pub(super) const fn is_followed(&self) -> bool {
        matches!(self.written, Written::All)
            && (self.file.is_some() || (matches!(self.mode, Mode::Stream) && self.has_reader))
    }

    /// How soon what the tool prints has to be read.
    pub(super) const fn urgency(&self) -> Urgency {
        if self.is_followed() {
            Urgency::Followed
        } else {
            Urgency::Unfollowed
        }
    }

    /// Nobody reads the front's stdout any more: nothing is kept for it from here on.
    pub(super) const fn reader_gone(&mut self) {
        self.has_reader = false;
    }

    /// Says, where it outlives this process, that the tool may run from here on.
    pub(super) fn tool_may_run(&self) -> io::Result<()> {
        self.relay.tool_may_run()
    }

    /// Until [`Journal::begin_run`], what runs is not the run: only warnings are written.
    pub(super) const fn before_run(&mut self) {
        self.written = Written::WarningsAlone;
    }

    /// All that follows is of the run.
    pub(super) const fn begin_run(&mut self) {
        self.written = Written::All;
    }

    /// Writes one event, made from its number and the time.
    pub(super) fn emit(&mut self, link: &mut Link, make: impl FnOnce(u64, DateTime<Utc>) -> Event) {
        if self.written == Written::All {
            self.write_event(link, make);
        }
    }

    fn write_event(&mut self, link: &mut Link, make: impl FnOnce(u64, DateTime<Utc>) -> Event) {
        let event = make(self.next, Utc::now());
        self.next += 1;
        self.line.clear();
        // An event is strings and numbers, and a vector takes any length.
        if serde_json::to_writer(&mut self.line, &event).is_ok() {
            self.line.push(b'\n');
            self.write_line(link);
        }
    }

    fn write_line(&mut self, link: &mut Link) {
        if self.mode == Mode::Stream && self.has_reader {
            let written = self
                .relay
                .write_all(&self.line)
                .and_then(|()| self.relay.commit());
            if written.is_ok() {
                link.post(&Message::Relayed);
            }
        }
        if let Some(file) = &mut self.file
            && let Err(fault) = file.write_all(&self.line)
        {
            let sentence = file.could_not_write(&fault);
            self.file = None;
            self.warn(link, sentence);
        }
    }

    /// Tells of something that the run goes on in spite of.
    pub(super) fn warn(&mut self, link: &mut Link, message: String) {
        let message = match &self.matcher {
            Some(matcher) => masked_sentence(matcher, &message),
            None => message,
        };
        if self.mode == Mode::Document {
            link.post(&Message::Warning(message.clone()));
        }
        self.write_event(link, |seq, at| Event::Warning { seq, at, message });
    }

    /// Writes the last event and the document, and tells the front how to exit.
    pub(super) fn finish<O: Serialize>(&mut self, result: RunResult<O>, exit_status: u8) {
        let event = Event::Result {
            seq: self.next,
            at: Utc::now(),
            result: Box::new(result),
        };
        if let Some(file) = &mut self.file {
            // The result stands in a file of its own: this copy is for those who follow the events.
            let _ = write_document(file, &event);
        }
        let written = match (self.mode, &event) {
            _ if !self.has_reader => Ok(()),
            (Mode::Document, Event::Result { result, .. }) => {
                write_document(&mut self.relay, result)
            }
            (Mode::Document | Mode::Stream, event) => write_document(&mut self.relay, event),
        };
        // Without the end mark the front tells that the supervisor was lost, which is then the truth.
        if written.is_ok() {
            let _ = self.relay.finish(exit_status);
        }
        if let Some(file) = &self.file {
            // Nobody has to wait for it: the result is durable, and this is on its way to the disk.
            let _ = file.sync();
        }
    }
}

/// Writes one document and a newline, piece by piece.
fn write_document(to: &mut impl Write, document: &impl Serialize) -> io::Result<()> {
    let mut writer = BufWriter::with_capacity(64 * 1024, to);
    serde_json::to_writer(&mut writer, document)?;
    writer.write_all(b"\n")?;
    writer.flush()
}
