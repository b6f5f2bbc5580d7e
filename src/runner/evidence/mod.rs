//! What the tool printed, before anything is masked, as far as a verdict needs it.
//!
//! A secret may be one of the words that the verdict is read from (`severity`, `releasing`), so the verdict is
//! read from the raw output. That stays in the memory of the supervisor: sentences made from it are masked
//! before they leave.

mod dropped;
#[cfg(test)]
mod tests;

use memchr::{memchr, memrchr};

use super::printed::Printed;
use dropped::Dropped;

/// Bytes of the output's end that are kept at least; of what comes before, only facts are kept.
const KEPT_BYTES: usize = 128 * 1024;
/// How much more is kept before the oldest lines are dropped.
const SLACK_BYTES: usize = 64 * 1024;

/// Takes the output piece by piece: keeps its end, and facts from all of it. Bounded however much is printed.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    kept: Vec<u8>,
    /// Whether what is kept begins in the middle of a line.
    is_mid_line: bool,
    dropped: Dropped,
    total_bytes: u64,
}

impl Evidence {
    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: &[u8]) {
        self.total_bytes += piece.len() as u64;
        self.kept.extend_from_slice(piece);
        if self.kept.len() > KEPT_BYTES + SLACK_BYTES {
            self.drop_old();
        }
    }

    /// Counts output that is passed over.
    pub(super) const fn pass_over(&mut self, bytes: u64) {
        self.total_bytes += bytes;
    }

    /// How much was printed.
    pub(super) const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Whether the output ends in the middle of a line.
    fn ends_mid_line(&self) -> bool {
        let text = String::from_utf8_lossy(&self.kept[line_start(&self.kept, self.kept.len())..]);
        // A reset of the colour may follow the last line.
        !anstream::adapter::strip_str(&text).to_string().is_empty()
    }

    /// Reads it; `args` are all arguments that the tool was given.
    pub(super) fn printed(&self, args: &[String]) -> Printed {
        let from = match (self.is_mid_line, memchr(b'\n', &self.kept)) {
            (false, _) => 0,
            (true, Some(end)) => end + 1,
            (true, None) => self.kept.len(),
        };
        let text = String::from_utf8_lossy(&self.kept[from..]);
        let mut printed = self.dropped.before(&text, args);
        printed.is_cut = self.ends_mid_line();
        printed
    }

    fn drop_old(&mut self) {
        let excess = self.kept.len() - KEPT_BYTES;
        let whole_lines = line_start(&self.kept, excess);
        let end = if whole_lines > 0 { whole_lines } else { excess };
        let from = if self.is_mid_line {
            memchr(b'\n', &self.kept[..end]).map_or(end, |at| at + 1)
        } else {
            0
        };
        self.dropped.scan(&self.kept, from..end);
        self.is_mid_line = whole_lines == 0;
        self.dropped.advance(end);
        self.kept.drain(..end);
    }
}

/// Where the line begins that a position is in.
fn line_start(text: &[u8], at: usize) -> usize {
    memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1)
}
