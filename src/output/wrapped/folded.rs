//! A pattern without the white space in it, as it is looked for where a tool has wrapped it.

use std::sync::Arc;

use super::gap::{self, At};

/// Shortest text in which a line may end within a word. A shorter one would be found where no value was.
const MIN_BROKEN_BYTES: usize = 10;
/// How much of a pattern has to precede a line end within a word, unless that word is long by itself.
const MIN_BEFORE_LINE_END: usize = 4;

/// How much has to precede a change of colour within a word, with the same exception.
const MIN_BEFORE_COLOUR: usize = super::joins::SIDE_BYTES;
/// Longest text of which the lines may be joined by single spaces.
const MAX_LINES_BYTES: usize = 256;

/// A pattern as its words without what separates them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Folded {
    pub(super) text: Arc<[u8]>,
    /// Places in `text` before which a gap has to be, rising.
    gaps: Box<[u16]>,
    /// Whether all gaps are a space each.
    is_spaced_plainly: bool,
}

/// A gap in an occurrence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Break {
    /// How much of the pattern's text precedes it.
    pub(super) depth: usize,
    /// Whether it is more than a change of colour.
    pub(super) visible: bool,
    pub(super) line_end: bool,
    /// Whether the word before it is so long that it may have been cut at a fixed width.
    pub(super) after_long_word: bool,
}

impl Folded {
    /// Folds a pattern. None for one that is too short to be wrapped, or that begins with a gap: the same without it
    /// is a pattern of its own.
    pub(super) fn of(pattern: &Arc<[u8]>) -> Option<Self> {
        let mut text = Vec::with_capacity(pattern.len());
        let mut gaps = Vec::new();
        let mut is_spaced_plainly = true;
        let mut rest = &pattern[..];
        while let Some((&first, after)) = rest.split_first() {
            match gap::at_start(rest, true) {
                At::Gap(gap) => {
                    if !gap.visible || text.is_empty() {
                        return None;
                    }
                    gaps.push(u16::try_from(text.len()).ok()?);
                    is_spaced_plainly &= rest[..gap.len] == *b" ";
                    rest = &rest[gap.len..];
                }
                At::Text | At::Cut(_) => {
                    text.push(first);
                    rest = after;
                }
            }
        }
        gaps.pop_if(|last| usize::from(*last) == text.len());
        let shortest = if gaps.is_empty() {
            MIN_BROKEN_BYTES
        } else {
            super::MIN_TEXT_BYTES
        };
        if text.len() < shortest {
            return None;
        }
        let text = if text.len() == pattern.len() {
            Arc::clone(pattern)
        } else {
            text.into()
        };
        Some(Self {
            text,
            gaps: gaps.into(),
            is_spaced_plainly,
        })
    }

    /// The places in the text before which a gap has to be.
    pub(super) fn gaps(&self) -> impl ExactSizeIterator<Item = usize> {
        self.gaps.iter().copied().map(usize::from)
    }

    /// Whether single spaces in a text are of no interest: where the pattern has none but these, or is so long that
    /// its lines, which are patterns as well, say more.
    pub(super) fn is_spaced_plainly(&self) -> bool {
        self.is_spaced_plainly || self.text.len() > MAX_LINES_BYTES
    }

    /// Whether the gaps in the first `depth` bytes of an occurrence are where this pattern has or allows them.
    pub(super) fn fits(&self, breaks: &[Break], depth: usize) -> bool {
        let mut wanted = self.gaps().take_while(|&gap| gap < depth).peekable();
        for it in breaks {
            let is_right = if wanted.next_if_eq(&it.depth).is_some() {
                it.visible
            } else if it.visible {
                it.line_end
                    && self.text.len() >= MIN_BROKEN_BYTES
                    && (it.depth >= MIN_BEFORE_LINE_END || it.after_long_word)
            } else {
                it.depth >= MIN_BEFORE_COLOUR || it.after_long_word
            };
            if !is_right {
                return false;
            }
        }
        wanted.next().is_none()
    }
}
