//! What the tool printed, before masking, as far as a verdict needs it.
//!
//! A secret may equal a word on which the verdict depends (`severity`, `releasing`), so the verdict uses the raw
//! output. The raw output stays in the memory of the supervisor: sentences made from it are masked before they
//! leave.

mod dropped;
#[cfg(test)]
mod tests;

use memchr::{memchr, memrchr};

use self::dropped::Dropped;
use super::tool_output::printed::Printed;

/// Least number of bytes kept of the output's end; of earlier output, only facts are kept.
const KEPT_BYTES: usize = 128 * 1024;
/// Additional bytes that are kept before the oldest lines are dropped.
const SLACK_BYTES: usize = 64 * 1024;

/// Processes the output piece by piece: keeps its end, and facts from all of it. Bounded however much is printed.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    kept: Vec<u8>,
    /// Whether the kept part begins in the middle of a line.
    is_mid_line: bool,
    dropped: Dropped,
    total_bytes: u64,
}

impl Evidence {
    /// Processes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.total_bytes += piece.len() as u64;
        self.kept.extend_from_slice(piece);
        if self.kept.len() > KEPT_BYTES + SLACK_BYTES {
            self.drop_old();
        }
    }

    /// Counts output that is skipped.
    pub(crate) const fn pass_over(&mut self, bytes: u64) {
        self.total_bytes += bytes;
    }

    /// Returns how many bytes were printed.
    pub(crate) const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// Returns whether the output ends in the middle of a line.
    fn ends_mid_line(&self) -> bool {
        let text = String::from_utf8_lossy(&self.kept[line_start(&self.kept, self.kept.len())..]);
        // A reset of the colour may follow the last line.
        !anstream::adapter::strip_str(&text).to_string().is_empty()
    }

    /// Parses the output; `args` are all arguments of the tool.
    pub(crate) fn printed(&self, args: &[String]) -> Printed {
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

/// Returns where the line begins that contains a position.
fn line_start(text: &[u8], at: usize) -> usize {
    memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1)
}
