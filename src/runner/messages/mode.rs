//! What is printed.

/// What the front prints on its stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only the result document.
    Document,
    /// Every event.
    Stream,
}
