//! The patterns that begin alike.

use std::cmp::Reverse;
use std::sync::Arc;

use super::secret::Scope;
use super::window::Window;

/// The patterns that begin with one needle.
#[derive(Default)]
pub(super) struct SameStart {
    /// In lexical order.
    patterns: Vec<(Arc<[u8]>, Scope)>,
    /// Their lengths, each once, the longest first.
    lengths: Vec<usize>,
}

/// What begins at a place of a text.
pub(super) enum Begins {
    Nothing,
    /// An occurrence of this length.
    Pattern(usize),
    /// A pattern that counts or not, as what follows it says.
    Undecided,
}

impl SameStart {
    /// Adds a pattern; [`Self::sort`] is for when all are there.
    pub(super) fn add(&mut self, pattern: Arc<[u8]>, scope: Scope) {
        self.patterns.push((pattern, scope));
    }

    /// Makes it ready to be searched for.
    pub(super) fn sort(&mut self) {
        self.patterns.sort();
        // Of what is there twice, the wider scope comes first and stays.
        self.patterns.dedup_by(|next, kept| next.0 == kept.0);
        self.lengths = self.patterns.iter().map(|(it, _)| it.len()).collect();
        self.lengths.sort_unstable_by_key(|&length| Reverse(length));
        self.lengths.dedup();
    }

    /// The longest occurrence that a window has at some place.
    pub(super) fn longest_at(&self, start: usize, window: &Window<'_>) -> Begins {
        let text = &window.text[start..];
        for &length in &self.lengths {
            let Some((occurrence, after)) = text.split_at_checked(length) else {
                continue;
            };
            let found = self
                .patterns
                .binary_search_by(|(pattern, _)| pattern.as_ref().cmp(occurrence));
            let scope = found.map(|at| self.patterns[at].1);
            let counts = match scope {
                Err(_) => Some(false),
                Ok(Scope::Anywhere) => Some(true),
                Ok(scope) => scope.counts(&window.before(start), after, window.whole),
            };
            match counts {
                Some(true) => return Begins::Pattern(length),
                Some(false) => {}
                None => return Begins::Undecided,
            }
        }
        Begins::Nothing
    }

    /// Whether some pattern begins with the whole text and goes on after it.
    pub(super) fn goes_on_after(&self, text: &[u8]) -> bool {
        let after = self
            .patterns
            .partition_point(|(pattern, _)| pattern.as_ref() <= text);
        self.patterns
            .get(after)
            .is_some_and(|(pattern, _)| pattern.starts_with(text))
    }
}
