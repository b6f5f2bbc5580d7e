//! The file that holds the lines.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::Utc;
use tokio::sync::watch;

use super::Logs;
use super::line::StoredLine;
use crate::session::Phase;
use crate::session::place::open_to_append;

/// The place of every so many lines is kept in memory.
const LINES_A_MARK: u64 = 256;

/// The log of one session; clones are the same log.
#[derive(Clone, Debug)]
pub(in crate::session) struct Log {
    shared: Arc<Shared>,
}

/// What writer and readers have in common.
#[derive(Debug)]
pub(super) struct Shared {
    file: File,
    writing: Mutex<Writing>,
    end: watch::Sender<End>,
}

/// What only a writer needs.
#[derive(Debug, Default)]
struct Writing {
    /// Where line 0, [`LINES_A_MARK`], 2 × [`LINES_A_MARK`], … begins.
    marks: Vec<u64>,
    /// How many lines each run has printed.
    by_run: BTreeMap<String, u64>,
    /// Lines that could not be written since the last one that could.
    lost: u64,
}

/// How far the log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Nothing is added any more.
    pub(super) is_closed: bool,
}

impl Log {
    /// Opens the log in this file, with what stands in it; a last line that is not whole is cut off.
    pub(in crate::session) fn open(path: &Path) -> io::Result<Self> {
        let file = open_to_append(path)?;
        let mut writing = Writing::default();
        let mut end = End::default();
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let len = reader.read_until(b'\n', &mut line)? as u64;
            if line.last() != Some(&b'\n') {
                break;
            }
            let stored = serde_json::from_slice::<StoredLine<'_>>(&line).ok();
            let run = stored.and_then(|stored| stored.run);
            writing.note(end, run.as_deref());
            end.lines += 1;
            end.bytes += len;
        }
        file.set_len(end.bytes)?;
        Ok(Self {
            shared: Arc::new(Shared {
                file,
                writing: Mutex::new(writing),
                end: watch::Sender::new(end),
            }),
        })
    }

    /// Adds what the session itself has to say.
    pub(in crate::session) fn say(&self, phase: Phase, text: &str) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.add(phase, None, &lines);
    }

    /// Adds lines that a run printed.
    ///
    /// A log that cannot be written does not hold up the session: the next line that can be written says how
    /// many are missing.
    pub(in crate::session) fn add(&self, phase: Phase, run: Option<&str>, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        let mut writing = self.shared.writing();
        let mut end = *self.shared.end.borrow();
        let before = end;
        let missing = (writing.lost > 0)
            .then(|| format!("[{} lines could not be written to the log]", writing.lost));
        let mut bytes = Vec::new();
        let texts = missing
            .iter()
            .map(|text| (None, text))
            .chain(lines.iter().map(|line| (run, line)));
        let mut noted = Vec::new();
        for (run, text) in texts {
            let line = StoredLine {
                at: Utc::now(),
                phase,
                run: run.map(Into::into),
                text: text.into(),
            };
            noted.push((end, run));
            let start = bytes.len();
            // A vector takes whatever is written to it, and nothing in a line can fail to be JSON.
            let _ = serde_json::to_writer(&mut bytes, &line);
            bytes.push(b'\n');
            end.lines += 1;
            end.bytes += (bytes.len() - start) as u64;
        }
        if (&self.shared.file).write_all(&bytes).is_err() {
            // Half a line would spoil the next one. If this fails as well, reading finds it.
            let _ = self.shared.file.set_len(before.bytes);
            writing.lost += lines.len() as u64;
            return;
        }
        writing.lost = 0;
        for (at, run) in noted {
            writing.note(at, run);
        }
        self.shared.end.send_replace(end);
    }

    /// How many lines of a run are in the log.
    pub(in crate::session) fn lines_of(&self, run: &str) -> u64 {
        self.shared
            .writing()
            .by_run
            .get(run)
            .copied()
            .unwrap_or_default()
    }

    /// Says that nothing is added any more: readers come to an end.
    pub(in crate::session) fn close(&self) {
        self.shared.end.send_modify(|end| end.is_closed = true);
    }

    /// A reader that begins with the line of this offset.
    pub(in crate::session) fn read_from(&self, offset: u64) -> Logs {
        Logs::new(
            Arc::clone(&self.shared),
            self.shared.end.subscribe(),
            offset,
        )
    }
}

impl Shared {
    /// Reads from a place of the file; fewer bytes than asked for at its end.
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

    /// The last kept place at or before this line: its offset and its byte.
    pub(super) fn mark_before(&self, offset: u64) -> (u64, u64) {
        let writing = self.writing();
        let wanted = usize::try_from(offset / LINES_A_MARK).unwrap_or(usize::MAX);
        let Some(last) = writing.marks.len().checked_sub(1) else {
            return (0, 0);
        };
        let at = wanted.min(last);
        (at as u64 * LINES_A_MARK, writing.marks[at])
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        // What a panicking writer left is whole: it changes this last.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Notes a line that begins here.
    fn note(&mut self, at: End, run: Option<&str>) {
        if at.lines.is_multiple_of(LINES_A_MARK) {
            self.marks.push(at.bytes);
        }
        if let Some(run) = run {
            *self.by_run.entry(run.to_owned()).or_default() += 1;
        }
    }
}
