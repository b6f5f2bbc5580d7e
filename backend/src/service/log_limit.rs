//! Which lines of a long log the store keeps: its beginning and its end.

use std::collections::VecDeque;

use bytesize::ByteSize;

use crate::store::StoredLine;

/// How many parts the kept end is dropped in, the oldest first.
const PARTS: u64 = 16;
/// What a line takes beside its text, about.
const BYTES_BESIDE_TEXT: u64 = 64;

/// Watches the lines that go into the store, and says which of them to leave out.
#[derive(Debug)]
pub(super) struct LogLimit {
    limit: ByteSize,
    head_bytes: u64,
    /// The last line of the head, without its text.
    head_last: Option<StoredLine>,
    /// The first line that is not of the head, without its text; none while the head has room.
    head_end: Option<StoredLine>,
    /// The lines after the head that are not left out, the oldest part first.
    tail: VecDeque<Part>,
    tail_bytes: u64,
}

/// Some lines without another between them.
#[derive(Debug)]
struct Part {
    last: u64,
    bytes: u64,
}

/// Lines to leave out, the first and the last of them included, and the one that stands for them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) last: u64,
    /// Has the number of the first of them.
    pub(super) marker: StoredLine,
}

impl LogLimit {
    /// Of a log without lines.
    pub(super) const fn new(limit: ByteSize) -> Self {
        Self {
            limit,
            head_bytes: 0,
            head_last: None,
            head_end: None,
            tail: VecDeque::new(),
            tail_bytes: 0,
        }
    }

    /// Takes the next lines that are in the store; what is to be left out of it now, if it has become too long.
    pub(super) fn take(&mut self, lines: &[StoredLine]) -> Option<Gap> {
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
        Some(Gap {
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
                // Another node has left out lines; the last one that was taken stands for them.
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
            Some(_) | None => self.tail.push_back(Part {
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

    fn leave_out(store: &mut BTreeMap<u64, String>, gap: Option<Gap>) {
        if let Some(gap) = gap {
            store.retain(|number, _| !(gap.marker.line..=gap.last).contains(number));
            store.insert(gap.marker.line, gap.marker.text);
        }
    }

    /// What a store has after these lines, taken so many at a time; each time `again`, by a new watcher.
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
    fn beginning_and_end_are_kept_and_a_line_says_how_many_are_not() {
        for (count, bytes) in [(3_000, 10), (700, 900), (90, 30_000)] {
            let lines: Vec<_> = (0..count).map(|number| line(number, bytes)).collect();
            for (at_a_time, again) in [(1, false), (7, false), (500, false), (40, true)] {
                let kept = kept(&lines, at_a_time, again);
                assert_eq!(kept[&0], lines[0].text);
                assert_eq!(kept[&(count - 1)], lines[count as usize - 1].text);
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
