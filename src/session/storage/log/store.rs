//! The file that stores the lines.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::Utc;
use tokio::sync::watch;

use super::Logs;
use super::file::{End, LogFile, Writing};
use super::line::StoredLine;
use super::tail::LastLines;
use crate::session::Phase;
use crate::session::storage::session_dir::open_to_append;

/// The log of one session; clones are the same log.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    shared: Arc<LogFile>,
}

impl Log {
    /// Opens the log in this file, with its existing lines; an incomplete last line is removed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
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
            writing.note(end);
            if let Some(stored) = stored {
                writing.note_phase(stored.phase, end.bytes);
                if let Some(run) = stored.run {
                    writing.note_printed(&run, stored.n);
                }
            }
            end.lines += 1;
            end.bytes += len;
        }
        file.set_len(end.bytes)?;
        Ok(Self {
            shared: Arc::new(LogFile {
                file,
                writing: Mutex::new(writing),
                end: watch::Sender::new(end),
            }),
        })
    }

    /// Adds messages of the session itself, which may quote people and tools: see [`said_lines`].
    pub(crate) fn append_message(&self, phase: Phase, text: &str) {
        let lines = said_lines(text);
        self.add(phase, None, &lines);
    }

    /// Adds lines that a run printed.
    ///
    /// A write error does not stop the session: the next line that can be written says how many are missing.
    pub(crate) fn add(&self, phase: Phase, run: Option<&str>, lines: &[String]) {
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
        let mut n = run.map_or(0, |run| writing.printed(run));
        for (run, text) in texts {
            let line = StoredLine {
                at: Utc::now(),
                phase,
                run: run.map(Into::into),
                n: run.map(|_| n),
                text: text.into(),
            };
            n += u64::from(run.is_some());
            noted.push(end);
            let start = bytes.len();
            // Writing to a vector cannot fail, and neither can serializing a line.
            let _ = serde_json::to_writer(&mut bytes, &line);
            bytes.push(b'\n');
            end.lines += 1;
            end.bytes += (bytes.len() - start) as u64;
        }
        // Also for lines that cannot be written: the next one keeps its number.
        if let Some(run) = run {
            writing.by_run.insert(run.to_owned(), n);
        }
        if (&self.shared.file).write_all(&bytes).is_err() {
            // A partial line would corrupt the next one. If this fails as well, readers detect it.
            let _ = self.shared.file.set_len(before.bytes);
            writing.lost += lines.len() as u64;
            return;
        }
        writing.lost = 0;
        writing.note_phase(phase, before.bytes);
        for at in noted {
            writing.note(at);
        }
        self.shared.end.send_replace(end);
    }

    /// Returns the number of lines of a run that the log has counted: those in it, and those before them that could
    /// not be written.
    pub(crate) fn lines_of(&self, run: &str) -> u64 {
        self.shared.writing().printed(run)
    }

    /// Returns the last lines of some phases, each with its newline, in at most `most_bytes` bytes.
    ///
    /// It reads backwards and skips the lines of other phases: the time depends on the size of the answer.
    pub(crate) fn tail(&self, phases: &[Phase], most_bytes: usize) -> String {
        let (segments, end) = {
            let writing = self.shared.writing();
            (writing.segments.clone(), self.shared.end.borrow().bytes)
        };
        let mut tail = LastLines::new(most_bytes);
        let mut until = end;
        for segment in segments.iter().rev() {
            if phases.contains(&segment.phase) {
                tail.take(&self.shared, segment.begin, until);
            }
            if tail.is_full {
                break;
            }
            until = segment.begin;
        }
        tail.text()
    }

    /// Closes the log: readers come to an end.
    pub(crate) fn close(&self) {
        self.shared.end.send_modify(|end| end.is_closed = true);
    }

    /// Returns a reader that begins at this line.
    pub(crate) fn read_from(&self, offset: u64) -> Logs {
        Logs::new(
            Arc::clone(&self.shared),
            self.shared.end.subscribe(),
            offset,
        )
    }
}

/// Formats a message of the session as lines.
///
/// Text from users can neither control a terminal nor look like a separate line: control characters are escaped,
/// and every line after the first is indented.
fn said_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut said = String::from(if lines.is_empty() { "" } else { "    " });
        for it in line.chars() {
            if is_unsafe(it) {
                said.extend(it.escape_default());
            } else {
                said.push(it);
            }
        }
        lines.push(said);
    }
    lines
}

/// Returns whether a character is a control character, a line separator, or a character that changes the direction
/// of text.
fn is_unsafe(it: char) -> bool {
    (it.is_control() && it != '\t')
        || matches!(it, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_does_nothing_to_a_terminal_and_forges_no_line() {
        let table = [
            ("ü\tcolour", &["ü\tcolour"][..]),
            (
                "\u{1b}[2J\u{7}\0\u{9b}\u{2028}x",
                &[r"\u{1b}[2J\u{7}\u{0}\u{9b}\u{2028}x"],
            ),
            ("over\rwritten", &[r"over\rwritten"]),
            (
                "ok\nPlan approved by ceo",
                &["ok", "    Plan approved by ceo"],
            ),
        ];
        for (text, lines) in table {
            assert_eq!(said_lines(text), lines, "{text:?}");
        }
    }

    #[test]
    fn a_line_keeps_its_number_after_lines_that_were_lost() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log.ndjson");
        let line = |run: &str, n: &str| {
            format!(
                "{{\"at\":\"2026-01-01T00:00:00Z\",\"phase\":\"plan\",\"run\":\"{run}\",{n}\"text\":\"x\"}}\n"
            )
        };
        let text = [
            line("old", ""),
            line("old", ""),
            line("new", "\"n\":0,"),
            line("new", "\"n\":7,"),
        ];
        std::fs::write(&path, text.concat()).unwrap();
        let log = Log::open(&path).unwrap();
        assert_eq!((log.lines_of("old"), log.lines_of("new")), (2, 8));
        log.add(Phase::Plan, Some("new"), &["y".to_owned()]);
        assert_eq!(log.lines_of("new"), 9);
        assert!(std::fs::read_to_string(&path).unwrap().contains("\"n\":8"));
    }
}
