//! A part of a text and its context for a search.

use std::borrow::Cow;

use crate::output::secret::LOOK_BEHIND;

/// A part of a text to search.
#[derive(Default)]
pub(crate) struct Window<'t> {
    /// The end of the text before it, [`LOOK_BEHIND`] bytes unless the text begins later.
    pub(crate) before: &'t [u8],
    pub(crate) text: &'t [u8],
    /// Number of its first bytes that belong to occurrences that began before it.
    pub(crate) covered: usize,
    /// Whether no text follows.
    pub(crate) whole: bool,
}

impl<'t> Window<'t> {
    /// Creates a window of a whole text.
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self {
            text,
            whole: true,
            ..Self::default()
        }
    }

    /// Returns the text before a position, as much as a search needs.
    pub(crate) fn before(&self, place: usize) -> Cow<'t, [u8]> {
        match place.checked_sub(LOOK_BEHIND) {
            Some(from) => self.text[from..place].into(),
            None => [self.before, &self.text[..place]].concat().into(),
        }
    }
}
