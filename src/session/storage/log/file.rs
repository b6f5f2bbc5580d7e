//! The file of a log, and what is known of the lines in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::session::Phase;

/// Memory holds the position of every n-th line.
const LINES_A_MARK: u64 = 256;

/// The file of a log, which writers and readers share.
#[derive(Debug)]
pub(crate) struct LogFile {
    pub(super) file: File,
    pub(super) writing: Mutex<Writing>,
    pub(super) end: watch::Sender<End>,
}

/// State that only writers need.
#[derive(Debug, Default)]
pub(super) struct Writing {
    /// Where line 0, [`LINES_A_MARK`], 2 × [`LINES_A_MARK`], … begins.
    pub(super) marks: Vec<u64>,
    /// Where the lines of each phase begin, each time that the phase changes.
    pub(super) segments: Vec<Segment>,
    /// Number of lines that each run has printed, including those that could not be written.
    pub(super) by_run: BTreeMap<String, u64>,
    /// Number of lines that could not be written since the last successful write.
    pub(super) lost: u64,
}

/// Consecutive lines of one phase; they end where the next segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) phase: Phase,
    /// The byte of the first line.
    pub(super) begin: u64,
}

/// End of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) lines: u64,
    pub(crate) bytes: u64,
    /// No more lines will be added.
    pub(crate) is_closed: bool,
}

impl LogFile {
    /// Reads from a position of the file; returns fewer bytes than requested at the end of the file.
    pub(super) fn read_at(&self, piece: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < piece.len() {
            match self.file.read_at(&mut piece[filled..], at + filled as u64) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(filled)
    }

    /// Returns the last mark at or before this line: its offset and its byte.
    pub(super) fn mark_before(&self, offset: u64) -> (u64, u64) {
        let writing = self.writing();
        let wanted = usize::try_from(offset / LINES_A_MARK).unwrap_or(usize::MAX);
        let Some(last) = writing.marks.len().checked_sub(1) else {
            return (0, 0);
        };
        let at = wanted.min(last);
        (at as u64 * LINES_A_MARK, writing.marks[at])
    }

    pub(super) fn writing(&self) -> MutexGuard<'_, Writing> {
        // The data is consistent even after a panic of a writer, which changes it last.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Records a line that begins here.
    pub(super) fn note(&mut self, at: End) {
        if at.lines.is_multiple_of(LINES_A_MARK) {
            self.marks.push(at.bytes);
        }
    }

    /// Records that lines of this phase begin here.
    pub(super) fn note_phase(&mut self, phase: Phase, begin: u64) {
        if self.segments.last().map(|last| last.phase) != Some(phase) {
            self.segments.push(Segment { phase, begin });
        }
    }

    /// Records a line of a run that is in the file.
    pub(super) fn note_printed(&mut self, run: &str, n: Option<u64>) {
        let printed = n.unwrap_or_else(|| self.printed(run)).saturating_add(1);
        let known = self.by_run.entry(run.to_owned()).or_default();
        *known = printed.max(*known);
    }

    pub(super) fn printed(&self, run: &str) -> u64 {
        self.by_run.get(run).copied().unwrap_or_default()
    }
}
