//! Reads the end of a log backwards.

use super::file::LogFile;
use super::line::shown;

/// Bytes read at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// Lines collected from the last one backwards, as many as fit.
#[derive(Debug)]
pub(crate) struct LastLines {
    most_bytes: usize,
    bytes: usize,
    /// The last line first.
    lines: Vec<String>,
    /// A line was left out because it did not fit, or could not be read.
    pub(crate) is_full: bool,
}

impl LastLines {
    pub(crate) const fn new(most_bytes: usize) -> Self {
        Self {
            most_bytes,
            bytes: 0,
            lines: Vec::new(),
            is_full: false,
        }
    }

    /// Adds the lines between two offsets, both at the beginning of a line.
    pub(crate) fn take(&mut self, shared: &LogFile, begin: u64, until: u64) {
        // The end of a line whose beginning has not been read yet.
        let mut rest = Vec::new();
        let mut at = until;
        while at > begin && !self.is_full {
            let len = PIECE_BYTES.min(at - begin);
            at -= len;
            let mut piece = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
            if shared.read_at(&mut piece, at).unwrap_or(0) < piece.len() {
                // The disk does not return what was written to it.
                self.is_full = true;
                return;
            }
            piece.append(&mut rest);
            let whole = if at == begin {
                Some(0)
            } else {
                piece
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map(|it| it + 1)
            };
            let whole = whole.unwrap_or(piece.len());
            for line in piece[whole..].split_inclusive(|byte| *byte == b'\n').rev() {
                self.push(line);
            }
            piece.truncate(whole);
            rest = piece;
        }
    }

    fn push(&mut self, line: &[u8]) {
        if self.is_full {
            return;
        }
        let text = shown(0, line).text;
        if self.bytes + text.len() + 1 > self.most_bytes {
            self.is_full = true;
            return;
        }
        self.bytes += text.len() + 1;
        self.lines.push(text);
    }

    /// Returns the lines in order, each with its newline.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.bytes);
        for line in self.lines.iter().rev() {
            text.push_str(line);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use crate::session::Phase;
    use crate::session::storage::log::Log;

    /// Builds a log whose phases recur, as after a recovery, with lines of any length.
    #[test]
    fn the_end_of_a_log_is_what_reading_all_of_it_gives() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log.ndjson");
        let log = Log::open(&path).unwrap();
        let phases = [
            Phase::Init,
            Phase::Plan,
            Phase::Init,
            Phase::Apply,
            Phase::Plan,
        ];
        let mut all = Vec::new();
        for (round, phase) in phases.into_iter().enumerate() {
            for number in 0..700 {
                let long = "x".repeat((number * 37 + round * 101) % 1500);
                let text = format!("{round} {number} {long}");
                log.append_message(phase, &text);
                all.push((phase, text));
            }
        }
        let long = "y".repeat(crate::session::storage::log::MAX_LINE_BYTES);
        log.append_message(Phase::Plan, &long);
        all.push((Phase::Plan, long));
        let again = Log::open(&path).unwrap();
        for wanted in [
            &[Phase::Plan][..],
            &[Phase::Init],
            &[Phase::Init, Phase::Plan],
            &[Phase::Apply],
            &[Phase::Cloning],
            &[],
        ] {
            for most in [0, 1, 100, 64 * 1024, 70_000, 300_000, 1 << 20, usize::MAX] {
                let mut expected: Vec<&str> = Vec::new();
                let mut room = most;
                for (_, text) in all.iter().rev().filter(|(phase, _)| wanted.contains(phase)) {
                    let Some(left) = room.checked_sub(text.len() + 1) else {
                        break;
                    };
                    room = left;
                    expected.push(text);
                }
                let expected: String = expected.iter().rev().flat_map(|it| [*it, "\n"]).collect();
                assert!(log.tail(wanted, most) == expected, "{wanted:?} {most}");
                assert!(again.tail(wanted, most) == expected, "{wanted:?} {most}");
            }
        }
    }
}
