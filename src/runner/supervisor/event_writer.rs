//! The numbered events of a run, for its followers.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::output::Matcher;
use crate::process::Urgency;
use crate::protocol::{Event, RunResult};
use crate::runner::link::relay::RelayWriter;
use crate::runner::link::{Link, Message};
use crate::runner::messages::mode::Mode;
use crate::runner::result::masking::masked_sentence;
use crate::runner::run_dir::{
    OutputPlace, Recorder, ResultOutput, StoredOutput, WithStartTime, shortened,
};

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    All,
    /// The running process does not belong to the run yet.
    WarningsAlone,
}

/// Writes events to the record and to the front.
///
/// If the record cannot be written any more, it is abandoned with a warning; if the front is gone, it is abandoned
/// silently. Neither stops the run.
#[derive(Debug)]
pub(crate) struct EventWriter {
    mode: Mode,
    relay: RelayWriter,
    /// Whether the relay has a reader.
    has_reader: bool,
    written: Written,
    record: Option<Arc<Recorder>>,
    /// Bytes of output in the events so far, which is the offset of the next ones in `output.log`.
    output_bytes: u64,
    /// For warnings: everything else in an event is already masked.
    matcher: Option<Arc<Matcher>>,
    next: u64,
    line: Vec<u8>,
    /// Number of output events that the front did not get; those after them are numbered without a gap.
    left_out: u64,
}

impl EventWriter {
    pub(crate) const fn new(mode: Mode, relay: RelayWriter) -> Self {
        Self {
            mode,
            relay,
            has_reader: true,
            written: Written::All,
            record: None,
            output_bytes: 0,
            matcher: None,
            next: 0,
            line: Vec::new(),
            left_out: 0,
        }
    }

    /// Also writes all following events to a record.
    pub(crate) fn record_in(&mut self, record: Arc<Recorder>) {
        self.record = Some(record);
    }

    /// Masks all following warnings.
    pub(crate) fn mask_with(&mut self, matcher: Arc<Matcher>) {
        self.matcher = Some(matcher);
    }

    /// Returns whether the output has a follower.
    pub(crate) const fn is_followed(&self) -> bool {
        matches!(self.written, Written::All)
            && (self.record.is_some() || (matches!(self.mode, Mode::Stream) && self.has_reader))
    }

    /// Returns how soon the tool's output has to be read.
    pub(crate) const fn urgency(&self) -> Urgency {
        if self.is_followed() {
            Urgency::Followed
        } else {
            Urgency::Unfollowed
        }
    }

    /// Records that the front's stdout has no reader any more: nothing is kept for it from here on.
    pub(crate) const fn reader_gone(&mut self) {
        self.has_reader = false;
    }

    /// Records in the relay, which outlives this process, that the tool may run from here on.
    pub(crate) fn tool_may_run(&self) -> io::Result<()> {
        self.relay.tool_may_run()
    }

    /// Until [`EventWriter::begin_run`], running processes do not belong to the run: only warnings are written.
    pub(crate) const fn before_run(&mut self) {
        self.written = Written::WarningsAlone;
    }

    /// Marks the start of the run: all events are written from here on.
    pub(crate) const fn begin_run(&mut self) {
        self.written = Written::All;
    }

    /// Writes one event, built from its number and the time.
    pub(crate) fn emit(&mut self, link: &mut Link, make: impl FnOnce(u64, DateTime<Utc>) -> Event) {
        if self.written == Written::All {
            self.write_event(link, make, None);
        }
    }

    /// Writes an output event; returns its buffer for reuse.
    pub(crate) fn emit_output(&mut self, link: &mut Link, text: String) -> String {
        if self.written != Written::All {
            return text;
        }
        let make = |seq, at| Event::Output { seq, at, text };
        let Event::Output { text, .. } = self.write_event(link, make, None) else {
            return String::new();
        };
        text
    }

    /// Writes the event of a started tool, with the start time that distinguishes it from every other process.
    pub(crate) fn emit_start(
        &mut self,
        link: &mut Link,
        start_time: Option<u64>,
        make: impl FnOnce(u64, DateTime<Utc>) -> Event,
    ) {
        if self.written == Written::All {
            self.write_event(link, make, start_time);
        }
    }

    /// Writes an event and returns it.
    fn write_event(
        &mut self,
        link: &mut Link,
        make: impl FnOnce(u64, DateTime<Utc>) -> Event,
        start_time: Option<u64>,
    ) -> Event {
        let mut event = make(self.next, Utc::now());
        let seq = self.next;
        self.next += 1;
        if self.mode == Mode::Stream && self.has_reader {
            event.set_seq(seq - self.left_out);
            self.relay_event(link, &event);
            event.set_seq(seq);
        }
        if let Some(record) = &self.record
            && record.has_events()
        {
            let record = Arc::clone(record);
            if self.write_stored(&event, start_time, record.has_output()) {
                record.event(&self.line);
            }
        }
        if let Event::Output { text, .. } = &event {
            self.output_bytes += text.len() as u64;
        }
        event
    }

    /// Passes an event to the front; output only as long as there is room for it and for the result.
    fn relay_event(&mut self, link: &mut Link, event: &Event) {
        if !self.write_line(event) {
            return;
        }
        let is_output = matches!(event, Event::Output { .. });
        if is_output && !self.relay.has_room_for(self.line.len()) {
            self.left_out += 1;
            return;
        }
        let written = self
            .relay
            .write_all(&self.line)
            .and_then(|()| self.relay.commit());
        match written {
            Ok(()) => link.post(Message::Relayed),
            Err(_) => self.relay.roll_back(),
        }
    }

    /// Writes an event in the form of the record.
    fn write_stored(&mut self, event: &Event, start_time: Option<u64>, has_log: bool) -> bool {
        match event {
            Event::Output { seq, at, text } if has_log => self.write_line(&OutputPlace {
                seq: *seq,
                at: *at,
                offset: self.output_bytes,
                length: text.len() as u64,
            }),
            Event::Started { .. } => self.write_line(&WithStartTime { event, start_time }),
            Event::Output { .. }
            | Event::Stopping { .. }
            | Event::Warning { .. }
            | Event::Result { .. } => self.write_line(event),
        }
    }

    fn write_line(&mut self, event: &impl Serialize) -> bool {
        self.line.clear();
        // An event consists of strings and numbers, and a vector accepts any length.
        let is_written = serde_json::to_writer(&mut self.line, event).is_ok();
        self.line.push(b'\n');
        is_written
    }

    /// Reports what the record could not store.
    pub(crate) fn report_record_faults(&mut self, link: &mut Link) {
        let faults = self.record.as_ref().map(|record| record.faults());
        for fault in faults.unwrap_or_default() {
            self.warn(link, fault);
        }
    }

    /// Reports a problem that does not end the run.
    pub(crate) fn warn(&mut self, link: &mut Link, message: String) {
        let message = match &self.matcher {
            Some(matcher) => masked_sentence(matcher, &message),
            None => message,
        };
        if self.mode == Mode::Document {
            link.post(Message::Warning(message.clone()));
        }
        self.write_event(link, |seq, at| Event::Warning { seq, at, message }, None);
    }

    /// Writes the last event and the document, and sets the front's exit status.
    ///
    /// If a limit on the size of files leaves no room for the output, the front gets the end of it: as much of `tail` as
    /// there is room for.
    pub(crate) fn finish(
        &mut self,
        frame: &RunResult<()>,
        output: ResultOutput,
        tail: &str,
        exit_status: u8,
    ) {
        let (seq, at) = (self.next, Utc::now());
        let result = frame.clone().with_output(output);
        self.record_result(seq, at, &result);
        let is_written = !self.has_reader
            || self.write_result(seq, at, result)
            || shortened(frame, tail).any(|short| self.write_result(seq, at, short));
        // Without the end mark the front reports that the supervisor was lost, which is then true.
        if is_written {
            let _ = self.relay.finish(exit_status);
        }
    }

    /// Writes the result for the front; returns whether there was room for it.
    fn write_result<O: Serialize>(
        &mut self,
        seq: u64,
        at: DateTime<Utc>,
        result: RunResult<O>,
    ) -> bool {
        let written = match self.mode {
            Mode::Document => write_document(&mut self.relay, &result),
            Mode::Stream => {
                let seq = seq - self.left_out;
                let result = Box::new(result);
                write_document(&mut self.relay, &Event::Result { seq, at, result })
            }
        };
        if written.is_err() {
            self.relay.roll_back();
        }
        written.is_ok()
    }

    /// Returns whether the front got all output events so far.
    pub(crate) const fn is_whole(&self) -> bool {
        self.left_out == 0
    }

    /// Writes the last event to the record, for its followers: the result has a separate file.
    fn record_result(&mut self, seq: u64, at: DateTime<Utc>, result: &RunResult<ResultOutput>) {
        let Some(record) = self.record.clone().filter(|record| record.has_events()) else {
            return;
        };
        let frame = result.clone();
        let is_written = match &result.output {
            ResultOutput::Captured(captured) if record.has_output() => {
                let result = Box::new(frame.with_output(StoredOutput::of(captured)));
                self.write_line(&Event::Result { seq, at, result })
            }
            // Without `output.log`, a long result is only in its own file.
            ResultOutput::Captured(_) => return,
            ResultOutput::Text(_) => {
                let result = Box::new(frame);
                self.write_line(&Event::Result { seq, at, result })
            }
        };
        if is_written {
            record.event(&self.line);
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
