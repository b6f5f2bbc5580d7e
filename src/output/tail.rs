//! The end of a text, for the diagnosis.

/// Least number of bytes that are kept.
const KEPT_BYTES: usize = 64 * 1024;

/// Keeps the end of a stream of text.
#[derive(Debug, Default)]
pub struct Tail {
    text: String,
}

impl Tail {
    /// Appends the next piece.
    pub fn push(&mut self, piece: &str) {
        if self.text.len() + piece.len() > 2 * KEPT_BYTES {
            let drop_to = (self.text.len() + piece.len())
                .saturating_sub(KEPT_BYTES)
                .min(self.text.len());
            let at = self.text.ceil_char_boundary(drop_to);
            self.text.drain(..at);
        }
        self.text.push_str(piece);
    }

    /// Returns the text that was kept.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}
