//! Patterns that share a prefix.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::output::secret::Scope;
use crate::output::window::Window;

/// The patterns that begin with one needle.
#[derive(Default)]
pub(crate) struct SameStart {
    /// In lexical order.
    patterns: Vec<(Arc<[u8]>, Scope)>,
    /// Their distinct lengths, the longest first.
    lengths: Vec<usize>,
}

/// What begins at a position of a text.
pub(crate) enum Begins {
    Nothing,
    /// An occurrence of this length.
    Pattern(usize),
    /// A pattern whose scope depends on text that is not available yet.
    Undecided,
}

impl SameStart {
    /// Adds a pattern; call [`Self::sort`] after the last one.
    pub(crate) fn add(&mut self, pattern: Arc<[u8]>, scope: Scope) {
        self.patterns.push((pattern, scope));
    }

    /// Prepares the patterns for the search.
    pub(crate) fn sort(&mut self) {
        self.patterns.sort();
        // Of duplicates, the one with the wider scope comes first and stays.
        self.patterns.dedup_by(|next, kept| next.0 == kept.0);
        self.lengths = self.patterns.iter().map(|(it, _)| it.len()).collect();
        self.lengths.sort_unstable_by_key(|&length| Reverse(length));
        self.lengths.dedup();
    }

    /// Returns the longest occurrence at a position of a window.
    pub(crate) fn longest_at(&self, start: usize, window: &Window<'_>) -> Begins {
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

    /// Returns whether a pattern begins with the whole text and is longer.
    pub(crate) fn goes_on_after(&self, text: &[u8]) -> bool {
        let after = self
            .patterns
            .partition_point(|(pattern, _)| pattern.as_ref() <= text);
        self.patterns
            .get(after)
            .is_some_and(|(pattern, _)| pattern.starts_with(text))
    }
}
