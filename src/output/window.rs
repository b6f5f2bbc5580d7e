//! What a search has before it.

use std::borrow::Cow;

use super::secret::LOOK_BEHIND;

/// A piece of a text, in which is searched.
#[derive(Default)]
pub(super) struct Window<'t> {
    /// The end of what stands before it, [`LOOK_BEHIND`] bytes unless the text begins later.
    pub(super) before: &'t [u8],
    pub(super) text: &'t [u8],
    /// How many of its first bytes belong to occurrences that began before it.
    pub(super) covered: usize,
    /// Whether nothing comes after it.
    pub(super) whole: bool,
}

impl<'t> Window<'t> {
    /// A whole text.
    pub(super) fn of(text: &'t [u8]) -> Self {
        Self {
            text,
            whole: true,
            ..Self::default()
        }
    }

    /// What stands before a place in it, as far as that is looked at.
    pub(super) fn before(&self, place: usize) -> Cow<'t, [u8]> {
        match place.checked_sub(LOOK_BEHIND) {
            Some(from) => self.text[from..place].into(),
            None => [self.before, &self.text[..place]].concat().into(),
        }
    }
}
