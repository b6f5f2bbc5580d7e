//! Limits how much of a log is stored: the beginning and the end of a long log.

use std::collections::VecDeque;

use bytesize::ByteSize;

use crate::store::StoredLine;

/// The end of a log is dropped in this many parts, the oldest first.
const PARTS: u64 = 16;
/// Approximate size of a row without its text.
const BYTES_BESIDE_TEXT: u64 = 64;

/// Counts the lines that are stored, and decides which to remove.
#[derive(Debug)]
pub(crate) struct LogLimit {
    limit: ByteSize,
    head_bytes: u64,
    /// Last line of the head, without its text.
    head_last: Option<StoredLine>,
    /// First line after the head, without its text; `None` while the head has room.
    head_end: Option<StoredLine>,
    /// Stored lines after the head, the oldest part first.
    tail: VecDeque<LineRange>,
    tail_bytes: u64,
}

/// Consecutive lines.
#[derive(Debug)]
struct LineRange {
    last: u64,
    bytes: u64,
}

/// Consecutive lines to remove, and the line that replaces them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogGap {
    /// Number of the last line to remove.
    pub(crate) last: u64,
    /// Has the number of the first line to remove.
    pub(crate) marker: StoredLine,
}

impl LogLimit {
    /// Starts with an empty log.
    pub(crate) const fn new(limit: ByteSize) -> Self {
        Self {
            limit,
            head_bytes: 0,
            head_last: None,
            head_end: None,
            tail: VecDeque::new(),
            tail_bytes: 0,
        }
    }

    /// Counts lines that were stored; returns the lines to remove if the log is too long now.
    pub(crate) fn take(&mut self, lines: &[StoredLine]) -> Option<LogGap> {
        for line in lines {
            self.take_line(line);
        }
        let mut last = None;
        while self.tail_bytes > self.half()
            && self.tail.len() > 1
            && let Some(part) = self.tail.pop_front()
        {
            self.tail_bytes -= part.bytes;
            last = Some(part.last);
        }
        let last = last?;
        let first = self.head_end.as_ref()?;
        let count = last - first.line + 1;
        Some(LogGap {
            last,
            marker: StoredLine {
                text: format!(
                    "[{count} lines are left out here: the log is longer than `work.log_limit`, which is {}]",
                    self.limit
                ),
                ..first.clone()
            },
        })
    }

    fn take_line(&mut self, line: &StoredLine) {
        let bytes = line.text.len() as u64 + BYTES_BESIDE_TEXT;
        if self.head_end.is_none() {
            let follows = |last: &StoredLine| last.line + 1 == line.line;
            let place = StoredLine {
                text: String::new(),
                ..*line
            };
            if !self.head_last.as_ref().is_none_or(follows) {
                // Another process has removed lines; the last line is its marker.
                self.head_end = self.head_last.take();
            } else if self.head_bytes + bytes <= self.half() {
                self.head_bytes += bytes;
                self.head_last = Some(place);
                return;
            } else {
                self.head_end = Some(place);
            }
        }
        let part_bytes = self.half() / PARTS;
        self.tail_bytes += bytes;
        match self.tail.back_mut() {
            Some(part) if part.bytes + bytes <= part_bytes => {
                part.bytes += bytes;
                part.last = line.line;
            }
            Some(_) | None => self.tail.push_back(LineRange {
                last: line.line,
                bytes,
            }),
        }
    }

    const fn half(&self) -> u64 {
        self.limit.as_u64() / 2
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Utc};
    use iac_runner::session::Phase;

    use super::*;

    const LIMIT: ByteSize = ByteSize::kib(64);

    fn line(line: u64, bytes: usize) -> StoredLine {
        StoredLine {
            line,
            at: DateTime::<Utc>::UNIX_EPOCH,
            phase: Phase::Apply,
            text: format!("{line}{}", ".".repeat(bytes)),
        }
    }

    fn leave_out(store: &mut BTreeMap<u64, String>, gap: Option<LogGap>) {
        if let Some(gap) = gap {
            store.retain(|number, _| !(gap.marker.line..=gap.last).contains(number));
            store.insert(gap.marker.line, gap.marker.text);
        }
    }

    /// Returns what is stored after adding these lines, `at_a_time` at a time; `again` starts over before each step.
    fn kept(lines: &[StoredLine], at_a_time: usize, again: bool) -> BTreeMap<u64, String> {
        let mut limit = LogLimit::new(LIMIT);
        let mut store = BTreeMap::new();
        for lines in lines.chunks(at_a_time) {
            if again {
                limit = LogLimit::new(LIMIT);
                let former: Vec<_> = store
                    .iter()
                    .map(|(number, text): (&u64, &String)| StoredLine {
                        text: text.clone(),
                        ..line(*number, 0)
                    })
                    .collect();
                leave_out(&mut store, limit.take(&former));
            }
            store.extend(lines.iter().map(|line| (line.line, line.text.clone())));
            leave_out(&mut store, limit.take(lines));
            let bytes: usize = store.values().map(|text| text.len() + 64).sum();
            let last: usize = lines.iter().map(|line| line.text.len() + 64).sum();
            assert!((bytes as u64) < LIMIT.as_u64() + last as u64, "{bytes}");
        }
        store
    }

    #[test]
    fn beginning_and_end_are_kept_with_one_marker_between() {
        for (count, bytes) in [(3_000, 10), (700, 900), (90, 30_000)] {
            let lines: Vec<_> = (0..count).map(|number| line(number, bytes)).collect();
            for (at_a_time, again) in [(1, false), (7, false), (500, false), (40, true)] {
                let kept = kept(&lines, at_a_time, again);
                assert_eq!(kept[&0], lines[0].text);
                assert_eq!(kept[&(count - 1)], lines.last().unwrap().text);
                let markers: Vec<_> = kept
                    .iter()
                    .filter(|(_, text)| text.contains("left out"))
                    .collect();
                let [(first, marker)] = markers[..] else {
                    panic!("{markers:?}");
                };
                let missing = count - kept.len() as u64 + 1;
                assert!(
                    marker.starts_with(&format!("[{missing} lines ")),
                    "{marker}"
                );
                assert!(
                    kept.keys()
                        .take_while(|it| *it <= first)
                        .eq(&(0..=*first).collect::<Vec<_>>())
                );
            }
        }
    }

    #[test]
    fn a_log_below_the_limit_is_whole() {
        let lines: Vec<_> = (0..300).map(|number| line(number, 100)).collect();
        assert_eq!(kept(&lines, 10, true).len(), 300);
    }
}
