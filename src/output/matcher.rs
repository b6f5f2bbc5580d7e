//! Finds every occurrence of every pattern.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;

use super::forms::{self, MIN_CHARS};

/// What stands in the place of a masked value.
pub const MASK: &str = "***";

/// Bytes at the start of a pattern by which it is looked up. No pattern is shorter.
const NEEDLE_BYTES: usize = MIN_CHARS;
/// The start of a pattern.
type Needle = [u8; NEEDLE_BYTES];

/// The compiled patterns of all secrets of a run.
///
/// At nearly every position of a text nothing begins, and the `Filter` says so. The few that are left
/// are looked up by their first bytes, then compared. An Aho-Corasick automaton has to visit a state
/// for each byte when its matches may overlap: that took half of all time, and this a fraction.
pub struct Matcher {
    filter: Filter,
    patterns: HashMap<Needle, SameStart>,
}

/// The patterns that begin with one needle.
#[derive(Default)]
struct SameStart {
    /// In lexical order.
    patterns: Vec<Vec<u8>>,
    /// Their lengths, each once, the longest first.
    lengths: Vec<usize>,
}

impl SameStart {
    fn sort(&mut self) {
        self.patterns.sort();
        self.patterns.dedup();
        self.lengths = self.patterns.iter().map(Vec::len).collect();
        self.lengths.sort_unstable_by_key(|&length| Reverse(length));
        self.lengths.dedup();
    }

    /// Length of the longest pattern that a text begins with.
    fn longest_at(&self, text: &[u8]) -> Option<usize> {
        self.lengths.iter().copied().find(|&length| {
            text.get(..length).is_some_and(|start| {
                self.patterns
                    .binary_search_by(|pattern| pattern.as_slice().cmp(start))
                    .is_ok()
            })
        })
    }

    /// Whether some pattern begins with the whole text and goes on after it.
    fn goes_on_after(&self, text: &[u8]) -> bool {
        let after = self
            .patterns
            .partition_point(|pattern| pattern.as_slice() <= text);
        self.patterns
            .get(after)
            .is_some_and(|pattern| pattern.starts_with(text))
    }
}

/// Where a text is to be masked, and up to where that is certain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Disjoint ranges in rising order.
    pub(super) ranges: Vec<(usize, usize)>,
    /// Occurrences that are still to be seen whole begin here or later.
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
        let mut patterns: HashMap<Needle, SameStart> = HashMap::new();
        for pattern in values.into_iter().flat_map(forms::patterns) {
            // Every pattern is at least as long as a needle.
            if let Some(needle) = pattern.first_chunk() {
                patterns.entry(*needle).or_default().patterns.push(pattern);
            }
        }
        patterns.values_mut().for_each(SameStart::sort);
        Self {
            filter: Filter::new(patterns.keys()),
            patterns,
        }
    }

    /// Whether a value is long enough to be masked.
    pub fn masks(value: &[u8]) -> bool {
        forms::is_long_enough(value)
    }

    /// Masks a whole text.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = Vec::with_capacity(text.len());
        let found = self.find(text.as_bytes(), 0, true);
        write_masked(text.as_bytes(), &found.ranges, &mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Finds what is to be masked. The first `covered` bytes belong to occurrences that began before the
    /// text. With `whole`, nothing comes after it.
    ///
    /// Overlapping occurrences are one range: a byte that belongs to any occurrence of any pattern is
    /// masked. Occurrences that only touch are two.
    pub(super) fn find(&self, text: &[u8], covered: usize, whole: bool) -> Found {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        if covered > 0 {
            ranges.push((0, covered));
        }
        let mut certain = text.len();
        self.filter.each_start(text, |start| {
            let rest = &text[start..];
            let Some(same_start) = rest.first_chunk().and_then(|it| self.patterns.get(it)) else {
                return;
            };
            if let Some(length) = same_start.longest_at(rest) {
                add(&mut ranges, start, start + length);
            }
            if !whole && start < certain && same_start.goes_on_after(rest) {
                certain = start;
            }
        });
        if !whole {
            certain = certain.min(self.started_needle(text));
        }
        Found { ranges, certain }
    }

    /// Where a needle may have begun that the end of the text cuts off.
    fn started_needle(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(NEEDLE_BYTES - 1);
        (from..text.len())
            .find(|&start| {
                self.filter.first[usize::from(text[start])]
                    && self
                        .patterns
                        .keys()
                        .any(|needle| needle.starts_with(&text[start..]))
            })
            .unwrap_or(text.len())
    }
}

/// Says of nearly every position of a text that no needle begins there.
struct Filter {
    /// One bit for each value of the hash of four bytes.
    bits: Vec<u64>,
    /// How far a hash is shifted to give a bit.
    shift: u32,
    /// Which bytes needles begin with.
    first: [bool; 256],
}

/// Bits of the filter: 8 KiB fit into the fastest cache; with many needles it has to be larger so as
/// not to let everything pass, up to 512 KiB.
const FILTER_BITS: (usize, usize) = (1 << 16, 1 << 22);
/// Bits for each needle: one position in so many passes the filter for nothing.
const BITS_PER_NEEDLE: usize = 256;

impl Filter {
    fn new<'a>(needles: impl ExactSizeIterator<Item = &'a Needle>) -> Self {
        let bits = (needles.len() * BITS_PER_NEEDLE)
            .next_power_of_two()
            .clamp(FILTER_BITS.0, FILTER_BITS.1);
        let mut this = Self {
            bits: vec![0; if needles.len() == 0 { 0 } else { bits / 64 }],
            shift: u32::BITS - bits.trailing_zeros(),
            first: [false; 256],
        };
        for needle in needles {
            let [a, b, c, d, ..] = *needle;
            let bit = this.bit_of([a, b, c, d]);
            this.bits[bit / 64] |= 1 << (bit % 64);
            this.first[usize::from(a)] = true;
        }
        this
    }

    /// Fibonacci hashing: Knuth, The Art of Computer Programming, volume 3, section 6.4.
    const fn bit_of(&self, start: [u8; 4]) -> usize {
        (u32::from_le_bytes(start).wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }

    /// Calls back for every position at which a needle may begin, in rising order.
    fn each_start(&self, text: &[u8], mut found: impl FnMut(usize)) {
        if self.bits.is_empty() {
            return;
        }
        for (start, window) in text.windows(4).enumerate() {
            let bit = self.bit_of([window[0], window[1], window[2], window[3]]);
            if self.bits[bit / 64] & (1 << (bit % 64)) != 0 {
                found(start);
            }
        }
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
                matcher(&["hunter22"])
                    .find(text.as_bytes(), 0, false)
                    .certain,
                certain,
                "{text}"
            );
        }
    }

    #[test]
    fn an_occurrence_that_a_longer_one_may_swallow_is_not_certain() {
        let found = matcher(&["abcdef", "abcdefghi"]).find(b"x abcdefg", 0, false);
        assert_eq!((found.ranges, found.certain), (vec![(2, 8)], 2));
        let found = matcher(&["abcdef", "defghijkl"]).find(b"x abcdefgh", 0, false);
        assert_eq!((found.ranges, found.certain), (vec![(2, 8)], 5));
    }

    #[test]
    fn what_began_before_the_text_goes_on_in_it() {
        let matcher = matcher(&["abcdef"]);
        assert_eq!(matcher.find(b"efabcdef", 3, true).ranges, [(0, 8)]);
        assert_eq!(matcher.find(b"efabcdef", 2, true).ranges, [(0, 2), (2, 8)]);
    }
}
