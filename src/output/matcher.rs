//! Finds every occurrence of every pattern.

use std::collections::BTreeMap;
use std::fmt;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::forms::{self, MIN_CHARS};

/// What stands in the place of a masked value.
pub const MASK: &str = "***";

/// Bytes at the start of a pattern that the automaton looks for.
///
/// No pattern is shorter. With all needles of one length each position has at most one of them, and
/// the automaton stays small enough for the cache however long the values are.
const NEEDLE_BYTES: usize = MIN_CHARS;

/// Most states of the automaton for which the fast and large form is taken: about 2 MB.
const MAX_DFA_STATES: usize = 8 * 1024;

/// The compiled patterns of all secrets of a run.
pub struct Matcher {
    automaton: Option<AhoCorasick>,
    /// For each needle, the patterns that begin with it, longest first.
    patterns: Vec<Vec<Vec<u8>>>,
    needles: Vec<Vec<u8>>,
    /// First bytes of the needles.
    first: [bool; 256],
}

/// Where a text is to be masked, and up to where that is certain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Disjoint ranges in rising order.
    pub(super) ranges: Vec<(usize, usize)>,
    /// No occurrence in a longer text can cross this position.
    pub(super) certain: usize,
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").finish_non_exhaustive()
    }
}

impl Matcher {
    /// Compiles the patterns of some values; those too short to be masked are passed over.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut by_needle: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
        for value in values {
            for pattern in forms::patterns(value) {
                let same_start = by_needle
                    .entry(pattern[..NEEDLE_BYTES].to_vec())
                    .or_default();
                if !same_start.contains(&pattern) {
                    same_start.push(pattern);
                }
            }
        }
        let (needles, mut patterns): (Vec<_>, Vec<_>) = by_needle.into_iter().unzip();
        for same_start in &mut patterns {
            same_start.sort_by_key(|pattern| std::cmp::Reverse(pattern.len()));
        }
        let mut first = [false; 256];
        for needle in &needles {
            first[usize::from(needle[0])] = true;
        }
        let kind = if needles.len() * NEEDLE_BYTES <= MAX_DFA_STATES {
            AhoCorasickKind::DFA
        } else {
            AhoCorasickKind::ContiguousNFA
        };
        let automaton = if needles.is_empty() {
            None
        } else {
            // Fails only over a number of patterns that no document of a megabyte can bring.
            AhoCorasick::builder()
                .match_kind(MatchKind::Standard)
                .kind(Some(kind))
                .build(&needles)
                .ok()
        };
        Self {
            automaton,
            patterns,
            needles,
            first,
        }
    }

    /// Whether a value is long enough to be masked.
    pub fn masks(value: &[u8]) -> bool {
        !forms::patterns(value).is_empty()
    }

    /// Masks a whole text.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = Vec::with_capacity(text.len());
        let found = self.find(text.as_bytes(), true);
        write_masked(text.as_bytes(), &found.ranges, &mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Finds what is to be masked. With `whole`, nothing comes after `text`.
    ///
    /// Overlapping occurrences are one range: a byte that belongs to any occurrence of any pattern is
    /// masked. Occurrences that only touch are two.
    pub(super) fn find(&self, text: &[u8], whole: bool) -> Found {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        let mut certain = text.len();
        if let Some(automaton) = &self.automaton {
            for needle in automaton.find_overlapping_iter(text) {
                let start = needle.start();
                for pattern in &self.patterns[needle.pattern().as_usize()] {
                    if text[start..].starts_with(pattern) {
                        add(&mut ranges, start, start + pattern.len());
                        break;
                    }
                    if !whole && pattern.starts_with(&text[start..]) {
                        certain = certain.min(start);
                    }
                }
            }
            if !whole {
                certain = certain.min(self.started_needle(text));
            }
        }
        while let Some(&(start, end)) = ranges.last() {
            if end <= certain {
                break;
            }
            // What is held back is looked at again as a whole.
            certain = certain.min(start);
            ranges.pop();
        }
        Found { ranges, certain }
    }

    /// Where a needle may have begun that the end of the text cuts off.
    fn started_needle(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(NEEDLE_BYTES - 1);
        (from..text.len())
            .find(|&start| {
                self.first[usize::from(text[start])]
                    && self
                        .needles
                        .iter()
                        .any(|needle| needle.starts_with(&text[start..]))
            })
            .unwrap_or(text.len())
    }
}

/// Adds an occurrence; starts come in rising order.
fn add(ranges: &mut Vec<(usize, usize)>, start: usize, end: usize) {
    match ranges.last_mut() {
        Some(last) if start < last.1 => last.1 = last.1.max(end),
        _ => ranges.push((start, end)),
    }
}

/// Appends a text with the ranges masked.
pub(super) fn write_masked(text: &[u8], ranges: &[(usize, usize)], to: &mut Vec<u8>) {
    let mut done = 0;
    for &(start, end) in ranges {
        to.extend_from_slice(&text[done..start]);
        to.extend_from_slice(MASK.as_bytes());
        done = end;
    }
    to.extend_from_slice(&text[done..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(values: &[&str]) -> Matcher {
        Matcher::new(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn texts_are_masked_as_a_reader_expects() {
        let table: [(&[&str], &str, &str); 9] = [
            (&[], "nothing to hide", "nothing to hide"),
            (&["hunter22"], "pass hunter22!", "pass ***!"),
            (&["hunter22"], "hunter2", "hunter2"),
            (&["hunter22"], "hunter22hunter22", "******"),
            (&["abcdef", "abcdefghi"], "abcdefghi", "***"),
            (&["abcdef", "abcdefghi"], "abcdefgh", "***gh"),
            (&["abcdef", "defghi"], "abcdefghi", "***"),
            (&["abcdefgh", "cdefgh"], "abcdefg cdefgh", "abcdefg ***"),
            (&["aaaaaa"], "aaaaaaaa", "***"),
        ];
        for (secrets, text, masked) in table {
            assert_eq!(matcher(secrets).mask(text), masked, "{text}");
        }
    }

    #[test]
    fn what_may_still_become_an_occurrence_is_not_certain() {
        let table = [
            ("x hunt", 2),
            ("x hunter2", 2),
            ("x hunter22", 10),
            ("x huntex", 8),
            ("x h", 2),
        ];
        for (text, certain) in table {
            assert_eq!(
                matcher(&["hunter22"]).find(text.as_bytes(), false).certain,
                certain,
                "{text}"
            );
        }
    }

    #[test]
    fn an_occurrence_that_a_longer_one_may_swallow_is_held_back_whole() {
        let found = matcher(&["abcdef", "abcdefghi"]).find(b"x abcdefg", false);
        assert_eq!(
            found,
            Found {
                ranges: vec![],
                certain: 2
            }
        );
        let found = matcher(&["abcdef", "defghijkl"]).find(b"x abcdefgh", false);
        assert_eq!(
            found,
            Found {
                ranges: vec![],
                certain: 2
            }
        );
    }
}
