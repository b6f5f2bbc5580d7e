//! Splits text into the pieces that events carry.

use std::time::Duration;

/// Silence after which a partial line is emitted.
pub const SILENCE: Duration = Duration::from_millis(200);
/// Longest partial line that is held back, in bytes; a longer one is emitted in pieces.
const MAX_PARTIAL_BYTES: usize = 64 * 1024;

/// Collects text into whole lines.
#[derive(Debug, Default)]
pub struct LineBuffer {
    partial: String,
    /// Buffer for reuse: allocating one for each piece costs more than copying into it.
    spare: String,
}

impl LineBuffer {
    /// Adds text and returns the complete lines as one piece.
    pub fn push(&mut self, text: &str) -> Option<String> {
        let end = match text.rfind('\n') {
            Some(last) => last + 1,
            None if self.partial.len() + text.len() > MAX_PARTIAL_BYTES => text.len(),
            None => 0,
        };
        if end == 0 {
            self.partial.push_str(text);
            return None;
        }
        let spare = std::mem::take(&mut self.spare);
        let mut lines = std::mem::replace(&mut self.partial, spare);
        lines.push_str(&text[..end]);
        self.partial.push_str(&text[end..]);
        Some(lines)
    }

    /// Returns the buffer of emitted lines for reuse.
    pub fn reuse(&mut self, mut lines: String) {
        lines.clear();
        self.spare = lines;
    }

    /// Returns the incomplete line, after [`SILENCE`] or at the end.
    pub fn flush(&mut self) -> Option<String> {
        (!self.partial.is_empty()).then(|| std::mem::take(&mut self.partial))
    }

    /// Returns whether there is an incomplete line.
    pub const fn is_partial(&self) -> bool {
        !self.partial.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_come_out_until_a_flush() {
        let mut segments = LineBuffer::default();
        assert_eq!(segments.push("one"), None);
        assert_eq!(
            segments.push(" line\ntwo\nthr"),
            Some("one line\ntwo\n".to_owned())
        );
        segments.reuse("one line\ntwo\n".to_owned());
        assert!(segments.is_partial());
        assert_eq!(segments.push("ee\nfo"), Some("three\n".to_owned()));
        assert_eq!(segments.push("ur\n"), Some("four\n".to_owned()));
        assert_eq!(segments.push("five"), None);
        assert_eq!(segments.flush(), Some("five".to_owned()));
        assert_eq!(segments.flush(), None);
    }

    #[test]
    fn a_line_without_an_end_comes_in_pieces() {
        let mut segments = LineBuffer::default();
        let piece = "x".repeat(MAX_PARTIAL_BYTES / 2 + 1);
        assert_eq!(segments.push(&piece), None);
        assert_eq!(segments.push(&piece), Some(piece.repeat(2)));
    }
}
