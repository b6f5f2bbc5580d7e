//! Takes the tool's output from the spool and gives it to everybody who is to have it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use super::journal::Journal;
use super::link::Link;
use super::run_dir::RecordFile;
use super::supervision::InterruptNotice;
use crate::output::{Capture, Matcher, Redactor, SILENCE, Segments, Spool, Tail, Utf8};
use crate::protocol::Event;

/// Most bytes that are read from the spool at once.
const PIECE_BYTES: usize = 64 * 1024;

/// Spool to capture, tail, `output.log` and events.
#[derive(Debug)]
pub(super) struct Intake {
    redactor: Redactor,
    utf8: Utf8,
    segments: Segments,
    /// Head and tail for the result.
    pub(super) capture: Capture,
    /// The end, for the diagnosis.
    pub(super) tail: Tail,
    /// Whether the tool has said that it received a signal.
    pub(super) notice: InterruptNotice,
    log: Option<RecordFile>,
    last_text: Instant,
    piece: Vec<u8>,
    masked: Vec<u8>,
    text: String,
}

impl Intake {
    pub(super) fn new(matcher: Arc<Matcher>, capture: Capture) -> Self {
        Self {
            redactor: Redactor::new(matcher),
            utf8: Utf8::default(),
            segments: Segments::default(),
            capture,
            tail: Tail::default(),
            notice: InterruptNotice::default(),
            log: None,
            last_text: Instant::now(),
            piece: vec![0; PIECE_BYTES],
            masked: Vec::with_capacity(PIECE_BYTES),
            text: String::with_capacity(PIECE_BYTES),
        }
    }

    /// Writes all that follows to a file, too.
    pub(super) fn log_to(&mut self, file: RecordFile) {
        self.log = Some(file);
    }

    /// The file that holds the whole masked output, if there is one.
    pub(super) fn log_path(&self) -> Option<PathBuf> {
        self.log.as_ref().map(|log| log.path().to_owned())
    }

    /// Takes one piece; false when nothing is there for now.
    pub(super) fn take(
        &mut self,
        spool: &mut Spool,
        journal: &mut Journal,
        link: &mut Link,
    ) -> io::Result<bool> {
        let len = spool.read(&mut self.piece)?;
        if len == 0 {
            return Ok(false);
        }
        self.notice.push(&self.piece[..len]);
        self.masked.clear();
        self.redactor.push(&self.piece[..len], &mut self.masked);
        self.text.clear();
        self.utf8.push(&self.masked, &mut self.text);
        self.last_text = Instant::now();
        self.give_out(journal, link)?;
        Ok(true)
    }

    /// Takes what was held back: nothing comes any more.
    pub(super) fn finish(&mut self, journal: &mut Journal, link: &mut Link) -> io::Result<()> {
        self.masked.clear();
        self.redactor.finish(&mut self.masked);
        self.text.clear();
        self.utf8.push(&self.masked, &mut self.text);
        self.utf8.finish(&mut self.text);
        self.give_out(journal, link)?;
        self.flush(journal, link);
        if let Some(log) = &self.log
            && let Err(fault) = log.sync()
        {
            let sentence = log.could_not_write(&fault);
            self.log = None;
            journal.warn(link, sentence);
        }
        Ok(())
    }

    /// When a line that is not complete has to be given out.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        self.segments.is_partial().then(|| self.last_text + SILENCE)
    }

    /// Gives out a line that is not complete.
    pub(super) fn flush(&mut self, journal: &mut Journal, link: &mut Link) {
        if let Some(text) = self.segments.flush() {
            journal.emit(link, |seq, at| Event::Output { seq, at, text });
        }
    }

    fn give_out(&mut self, journal: &mut Journal, link: &mut Link) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.capture.push(&self.text)?;
        self.tail.push(&self.text);
        if let Some(log) = &mut self.log
            && let Err(fault) = log.write_all(self.text.as_bytes())
        {
            let sentence = log.could_not_write(&fault);
            self.log = None;
            journal.warn(link, sentence);
        }
        if journal.is_followed()
            && let Some(text) = self.segments.push(&self.text)
        {
            journal.emit(link, |seq, at| Event::Output { seq, at, text });
        }
        Ok(())
    }
}
