//! One reader of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use chrono::Utc;
use tokio::sync::watch;

use super::file::{End, LogFile};
use super::line::LogLine;
use super::line::shown;
use crate::session::Phase;

/// Bytes read at once.
const PIECE_BYTES: u64 = 32 * 1024;

/// The lines of a session's log from an offset: first the existing ones, then each new one, until the session ends.
///
/// Each reader gets every line, in order, at its own pace. It reads from a file that was written recently, so as a
/// rule it does not wait for a disk.
#[derive(Debug)]
pub struct Logs {
    shared: Arc<LogFile>,
    end: watch::Receiver<End>,
    /// Offset and byte of the next line that is read.
    offset: u64,
    byte: u64,
    /// The first line that the caller asked for.
    from: u64,
    ready: VecDeque<LogLine>,
}

impl Logs {
    pub(crate) fn new(shared: Arc<LogFile>, end: watch::Receiver<End>, from: u64) -> Self {
        let (offset, byte) = shared.mark_before(from);
        Self {
            shared,
            end,
            offset,
            byte,
            from,
            ready: VecDeque::new(),
        }
    }

    /// Waits for the next line; returns `None` when the session has ended and every line was returned.
    ///
    /// Cancel safe: no line is lost.
    pub async fn next_line(&mut self) -> Option<LogLine> {
        loop {
            if let Some(line) = self.line_at_hand() {
                return Some(line);
            }
            if self.end.borrow_and_update().is_closed && self.is_at_end() {
                return None;
            }
            // An error means that the writer is gone.
            if self.is_at_end() && self.end.changed().await.is_err() && self.is_at_end() {
                return None;
            }
        }
    }

    /// Returns the next line, if it is already available.
    pub fn line_at_hand(&mut self) -> Option<LogLine> {
        while self.ready.is_empty() && !self.is_at_end() {
            self.read_ahead();
        }
        self.ready.pop_front()
    }

    fn is_at_end(&self) -> bool {
        self.byte >= self.end.borrow().bytes
    }

    fn read_ahead(&mut self) {
        let end = self.end.borrow().bytes;
        let mut wanted = PIECE_BYTES;
        let (piece, whole) = loop {
            let len = usize::try_from(wanted.min(end - self.byte)).unwrap_or(usize::MAX);
            let mut piece = vec![0; len];
            let read = self.shared.read_at(&mut piece, self.byte).unwrap_or(0);
            piece.truncate(read);
            let whole = piece.iter().rposition(|byte| *byte == b'\n');
            match whole {
                Some(last) => break (piece, last + 1),
                None if read as u64 == wanted => wanted *= 2,
                None => {
                    // The disk does not return what was written to it.
                    self.byte = end;
                    self.ready.push_back(LogLine {
                        offset: self.offset,
                        at: Utc::now(),
                        phase: Phase::Completed,
                        text: "[the log cannot be read any further]".to_owned(),
                    });
                    return;
                }
            }
        };
        for line in piece[..whole].split_inclusive(|byte| *byte == b'\n') {
            if self.offset >= self.from {
                self.ready.push_back(shown(self.offset, line));
            }
            self.offset += 1;
        }
        self.byte += whole as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::storage::log::Log;

    fn log() -> (tempfile::TempDir, Log) {
        let root = tempfile::tempdir().unwrap();
        let log = Log::open(&root.path().join("log.ndjson")).unwrap();
        (root, log)
    }

    fn texts(logs: &mut Logs) -> Vec<String> {
        std::iter::from_fn(|| logs.line_at_hand())
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn every_reader_sees_every_line_from_where_it_began() {
        let (_root, log) = log();
        let all: Vec<_> = (0..1000).map(|n| format!("line {n}")).collect();
        for lines in all.chunks(7) {
            log.add(Phase::Plan, Some("01-plan"), lines);
        }
        for from in [0, 1, 255, 256, 257, 999, 1000, 5000] {
            let mut logs = log.read_from(from);
            let from = usize::try_from(from).unwrap().min(all.len());
            assert_eq!(texts(&mut logs), all[from..], "from {from}");
        }
        assert_eq!(log.lines_of("01-plan"), 1000);
    }

    #[test]
    fn a_log_that_is_opened_again_goes_on_and_cuts_off_half_a_line() {
        let (root, log) = log();
        log.append_message(Phase::Init, "one\ntwo");
        log.add(Phase::Init, Some("01-init"), &["three".to_owned()]);
        let path = root.path().join("log.ndjson");
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"{\"at\":\"2026");
        std::fs::write(&path, text).unwrap();
        let log = Log::open(&path).unwrap();
        assert_eq!(log.lines_of("01-init"), 1);
        log.append_message(Phase::Plan, "four");
        let mut logs = log.read_from(0);
        assert_eq!(texts(&mut logs), ["one", "    two", "three", "four"]);
        assert_eq!(texts(&mut log.read_from(3)), ["four"]);
    }

    #[test]
    fn a_long_line_is_read_whole() {
        let (_root, log) = log();
        let long = "x".repeat(crate::session::storage::log::MAX_LINE_BYTES);
        log.append_message(Phase::Apply, &long);
        log.append_message(Phase::Apply, "after");
        assert_eq!(texts(&mut log.read_from(0)), [long, "after".to_owned()]);
    }

    #[tokio::test]
    async fn a_reader_waits_for_what_comes_and_ends_with_the_session() {
        let (_root, log) = log();
        let mut logs = log.read_from(0);
        let reading = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(line) = logs.next_line().await {
                all.push((line.offset, line.text));
            }
            all
        });
        log.append_message(Phase::Init, "one");
        tokio::task::yield_now().await;
        log.append_message(Phase::Init, "two");
        log.close();
        let all = tokio::time::timeout(std::time::Duration::from_secs(60), reading)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(all, [(0, "one".to_owned()), (1, "two".to_owned())]);
    }
}
