//! Keeps the end of what the runner wrote to stderr.

/// Most bytes that are kept.
const KEPT_BYTES: usize = 4096;

/// The last bytes of a stream.
#[derive(Debug, Default)]
pub(crate) struct StderrTail {
    bytes: Vec<u8>,
}

impl StderrTail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes
            .drain(..self.bytes.len().saturating_sub(KEPT_BYTES));
    }

    /// Returns the bytes as text; a truncated character is replaced.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept() {
        let mut tail = StderrTail::default();
        tail.push(b"first");
        assert_eq!(tail.text(), "first");
        tail.push(&[b'x'; 3 * KEPT_BYTES]);
        tail.push(b"last");
        assert_eq!(tail.text().len(), KEPT_BYTES);
        assert!(tail.text().ends_with("xlast"));
    }
}
