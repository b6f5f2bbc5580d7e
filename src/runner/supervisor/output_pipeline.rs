//! Takes the tool's output from the spool and distributes it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tokio::time::Instant;

use super::event_writer::EventWriter;
use super::flood::Flood;
use super::interrupt_notice::InterruptNotice;
use crate::output::{Capture, LineBuffer, SILENCE, Spool, Tail, Utf8};
use crate::runner::evidence::Evidence;
use crate::runner::link::Link;
use crate::runner::run_dir::{Recorder, Room};
use crate::runner::tool_output::json_document::OutputRedactor;

/// Most bytes per read of the spool.
const PIECE_BYTES: usize = 32 * 1024;
/// Divisor of the memory: the part that output may use while it waits for a slow disk.
const PART_FOR_THE_DISK: u64 = 4;

/// Passes output from the spool to capture, tail, record and events.
#[derive(Debug)]
pub(crate) struct OutputPipeline {
    redactor: OutputRedactor,
    utf8: Utf8,
    segments: LineBuffer,
    /// Head and tail for the result.
    pub(crate) capture: Capture,
    /// The end of the output, masked.
    pub(crate) tail: Tail,
    /// Evidence for the verdict, before masking.
    pub(crate) evidence: Evidence,
    record: Option<Arc<Recorder>>,
    /// Whether the tool has reported that it received a signal.
    pub(crate) notice: InterruptNotice,
    flood: Flood,
    last_text: Instant,
    piece: Vec<u8>,
    masked: Vec<u8>,
    text: String,
}

impl OutputPipeline {
    pub(crate) fn new(redactor: OutputRedactor, capture: Capture) -> Self {
        Self {
            redactor,
            utf8: Utf8::default(),
            segments: LineBuffer::default(),
            capture,
            tail: Tail::default(),
            evidence: Evidence::default(),
            record: None,
            notice: InterruptNotice::default(),
            flood: Flood::default(),
            last_text: Instant::now(),
            piece: vec![0; PIECE_BYTES],
            masked: Vec::with_capacity(PIECE_BYTES),
            text: String::with_capacity(PIECE_BYTES),
        }
    }

    /// Also writes all following output to a record.
    pub(crate) fn record_in(&mut self, record: Arc<Recorder>) {
        self.record = Some(record);
    }

    /// Processes one piece, or waits briefly for the disk of the record; returns `false` if no output is available
    /// yet.
    pub(crate) fn take(
        &mut self,
        spool: &mut Spool,
        event_writer: &mut EventWriter,
        link: &mut Link,
    ) -> io::Result<bool> {
        event_writer.report_record_faults(link);
        if let Some(record) = &self.record
            && record.room() == Room::Full
        {
            let backlog_bytes = spool.backlog_bytes();
            if self.flood.is_beyond(backlog_bytes, PART_FOR_THE_DISK) {
                record.give_up_slow(backlog_bytes);
            }
            return Ok(true);
        }
        let len = spool.read(&mut self.piece)?;
        if len == 0 {
            return Ok(false);
        }
        self.notice.push(&self.piece[..len]);
        self.show(0..len, event_writer, link)?;
        Ok(true)
    }

    /// Like [`OutputPipeline::take`], while the tool may print more: skips output that would fill the memory.
    pub(crate) fn take_of_running(
        &mut self,
        spool: &mut Spool,
        event_writer: &mut EventWriter,
        link: &mut Link,
    ) -> io::Result<bool> {
        if !self.flood.takes(spool.backlog_bytes()) {
            return self.take(spool, event_writer, link);
        }
        self.begin_flood();
        let len = spool.read(&mut self.piece)?;
        self.notice.push(&self.piece[..len]);
        let rest = self
            .flood
            .pass_over(&self.piece[..len], spool.backlog_bytes());
        let from = len - rest.map_or(0, <[u8]>::len);
        let is_over = rest.is_some();
        self.evidence.pass_over(from as u64);
        if is_over {
            self.end_flood(event_writer, link)?;
            self.show(from..len, event_writer, link)?;
        }
        Ok(len > 0)
    }

    /// Skips all remaining output.
    pub(crate) fn pass_over_rest(&mut self, spool: &Spool) {
        let bytes = spool.backlog_bytes();
        if bytes > 0 {
            self.begin_flood();
            self.flood.pass_over_rest(bytes);
            self.evidence.pass_over(bytes);
        }
    }

    fn begin_flood(&mut self) {
        if self.flood.is_at_start() {
            // The held-back bytes may be the beginning of a secret whose rest is skipped.
            self.redactor.start_again();
            self.utf8 = Utf8::default();
        }
    }

    /// Returns a sentence about skipped output; `None` if nothing was skipped.
    pub(crate) fn passed_over(&self) -> Option<String> {
        self.flood.sentence()
    }

    /// Reports in the output that some of it was skipped, if it was.
    fn end_flood(&mut self, event_writer: &mut EventWriter, link: &mut Link) -> io::Result<()> {
        let Some(line) = self.flood.end() else {
            return Ok(());
        };
        self.evidence.push(line.as_bytes());
        self.text = line;
        self.give_out(event_writer, link)
    }

    /// Masks a part of the piece and emits it.
    fn show(
        &mut self,
        part: Range<usize>,
        event_writer: &mut EventWriter,
        link: &mut Link,
    ) -> io::Result<()> {
        let part = &self.piece[part];
        self.evidence.push(part);
        self.masked.clear();
        self.redactor.push(part, &mut self.masked);
        self.text.clear();
        self.utf8.push(&self.masked, &mut self.text);
        self.last_text = Instant::now();
        self.give_out(event_writer, link)
    }

    /// Processes what was held back; no output may follow.
    pub(crate) fn finish(
        &mut self,
        event_writer: &mut EventWriter,
        link: &mut Link,
    ) -> io::Result<()> {
        self.end_flood(event_writer, link)?;
        self.masked.clear();
        self.redactor.finish(&mut self.masked);
        self.text.clear();
        self.utf8.push(&self.masked, &mut self.text);
        self.utf8.finish(&mut self.text);
        self.give_out(event_writer, link)?;
        self.flush(event_writer, link);
        if let Some(record) = &self.record {
            record.finish_output();
            event_writer.report_record_faults(link);
        }
        Ok(())
    }

    /// Returns when an incomplete line has to be emitted.
    pub(crate) fn flush_at(&self) -> Option<Instant> {
        self.segments.is_partial().then(|| self.last_text + SILENCE)
    }

    /// Emits an incomplete line.
    pub(crate) fn flush(&mut self, event_writer: &mut EventWriter, link: &mut Link) {
        if let Some(line) = self.segments.flush() {
            self.segments.reuse(event_writer.emit_output(link, line));
        }
    }

    fn give_out(&mut self, event_writer: &mut EventWriter, link: &mut Link) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.capture.push(&self.text)?;
        self.tail.push(&self.text);
        if let Some(record) = &self.record {
            record.output(&self.text);
        }
        if event_writer.is_followed()
            && let Some(lines) = self.segments.push(&self.text)
        {
            self.segments.reuse(event_writer.emit_output(link, lines));
        }
        Ok(())
    }
}
