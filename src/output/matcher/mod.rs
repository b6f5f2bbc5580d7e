//! Finds every occurrence of every pattern.

pub(super) mod prefilter;
pub(super) mod prefix_bucket;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use self::prefilter::{Needle, Prefilter};
use self::prefix_bucket::{Begins, SameStart};
use super::encodings;
use super::encodings::base64_hex::Encodings;
use super::secret::{Scope, Secret};
use super::window::Window;
use super::wrapped::{Scratch, Wrapped};

/// Replaces a masked value.
pub const MASK: &str = "***";

/// Most bytes of values that are searched for in all encodings; limits the memory of the patterns.
const MAX_BYTES_OF_ALL_ENCODINGS: usize = 64 * 1024;

/// The compiled patterns of all secrets of a run.
///
/// The `Filter` rules out nearly every position of a text. The few other positions are looked up by their first
/// bytes, then compared. An occurrence with an escape or a gap within its first bytes is found from that position.
/// `Wrapped` does both. An Aho-Corasick automaton has to visit a state for each byte if its matches may overlap: it
/// took half of the total time, and this takes a fraction of it.
pub struct Matcher {
    filter: Prefilter,
    /// Patterns that are compared byte by byte: those that count only in some places, and those without known
    /// spellings.
    exact: HashMap<Needle, SameStart>,
    /// All other patterns.
    wrapped: Wrapped,
}

/// The ranges of a text to mask, and up to where they are certain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matches {
    /// Disjoint ranges in rising order.
    pub(super) ranges: Vec<(usize, usize)>,
    /// Occurrences that are not complete yet begin here or later.
    pub(super) certain: usize,
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").finish_non_exhaustive()
    }
}

impl Matcher {
    /// Compiles the patterns of values that are secret wherever they appear; values too short to be masked are
    /// skipped.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::of(values.into_iter().map(Secret::anywhere))
    }

    /// Compiles the patterns of secrets; those too short to be masked are skipped.
    pub fn of<'a>(secrets: impl IntoIterator<Item = Secret<'a>>) -> Self {
        let mut anywhere = BTreeSet::new();
        let mut exact: HashMap<Needle, SameStart> = HashMap::new();
        let mut add_exact = |pattern: Vec<u8>, scope| {
            // Every pattern is at least as long as a needle.
            if let Some(&needle) = pattern.first_chunk() {
                exact.entry(needle).or_default().add(pattern.into(), scope);
            }
        };
        let mut bytes = 0;
        for secret in secrets {
            bytes += secret.value.len();
            let encodings = if bytes > MAX_BYTES_OF_ALL_ENCODINGS {
                Encodings::Common
            } else {
                Encodings::All
            };
            for (pattern, scope) in encodings::patterns(&secret, encodings) {
                match scope {
                    Scope::Anywhere => {
                        anywhere.insert(pattern);
                    }
                    Scope::Whole => {
                        for form in encodings::whole_forms(&pattern) {
                            add_exact(form, scope);
                        }
                    }
                    Scope::Word | Scope::Place => add_exact(pattern, scope),
                }
            }
        }
        let (wrapped, others) = Wrapped::new(anywhere);
        for pattern in others.iter().flat_map(|it| encodings::exact_forms(it)) {
            add_exact(pattern, Scope::Anywhere);
        }
        exact.values_mut().for_each(SameStart::sort);
        let needles: BTreeSet<_> = wrapped.needles().chain(exact.keys()).copied().collect();
        Self {
            filter: Prefilter::new(needles.iter()),
            exact,
            wrapped,
        }
    }

    /// Returns whether a value is long enough to be masked.
    pub fn masks(value: &[u8]) -> bool {
        encodings::is_long_enough(value)
    }

    /// Masks a whole text.
    pub fn mask(&self, text: &str) -> String {
        let mut masked = Vec::with_capacity(text.len());
        let found = self.find(&Window::of(text.as_bytes()));
        write_masked(text.as_bytes(), &found.ranges, &mut masked);
        String::from_utf8_lossy(&masked).into_owned()
    }

    /// Finds the ranges to mask.
    ///
    /// Overlapping occurrences form one range: a byte that belongs to any occurrence of any pattern is masked.
    /// Adjacent occurrences are two ranges.
    pub(super) fn find(&self, window: &Window<'_>) -> Matches {
        let text = window.text;
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        if window.covered > 0 {
            ranges.push((0, window.covered));
        }
        let mut certain = text.len();
        let mut scratch = Scratch::default();
        self.filter.each_start(text, |start| {
            let rest = &text[start..];
            let Some(needle) = rest.first_chunk() else {
                return;
            };
            let found = self.wrapped.at_needle(needle, start, window, &mut scratch);
            if let Some(end) = found.end {
                add(&mut ranges, start, end);
            }
            if found.undecided {
                certain = certain.min(start);
            }
            let Some(same_start) = self.exact.get(needle) else {
                return;
            };
            match same_start.longest_at(start, window) {
                Begins::Nothing => {}
                Begins::Pattern(length) => add(&mut ranges, start, start + length),
                Begins::Undecided => certain = certain.min(start),
            }
            if !window.whole && start < certain && same_start.goes_on_after(rest) {
                certain = start;
            }
        });
        if !window.whole {
            certain = certain.min(self.started_needle(text));
        }
        let plain = ranges.len();
        certain = certain.min(self.wrapped.find(window, &self.filter, &mut ranges));
        if ranges.len() > plain {
            ranges = joined(ranges);
        }
        Matches { ranges, certain }
    }

    /// Returns the first position at which a needle may begin that the end of the text truncates.
    fn started_needle(&self, text: &[u8]) -> usize {
        let from = text.len().saturating_sub(size_of::<Needle>() - 1);
        (from..text.len())
            .find(|&start| {
                self.filter.has_start(text[start])
                    && self
                        .exact
                        .keys()
                        .any(|needle| needle.starts_with(&text[start..]))
            })
            .unwrap_or(text.len())
    }
}

/// Sorts ranges and merges those that overlap.
fn joined(mut ranges: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    ranges.sort_unstable();
    let mut joined = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        add(&mut joined, start, end);
    }
    joined
}

/// Adds an occurrence; starts must come in rising order.
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
    use crate::output::Scope;

    fn matcher(values: &[&str]) -> Matcher {
        Matcher::new(values.iter().map(|value| value.as_bytes()))
    }

    fn unfinished(text: &str) -> Window<'_> {
        Window {
            whole: false,
            ..Window::of(text.as_bytes())
        }
    }

    #[test]
    fn a_word_is_masked_as_a_word_and_its_place_alone_hides_a_common_one() {
        let table = [
            (
                Scope::Word,
                "changed by chance, change",
                "changed by ***, change",
            ),
            (Scope::Word, r#"{"chance":"chance"}"#, r#"{"chance":"***"}"#),
            (Scope::Word, "Y2hhbmNl", "***"),
            (
                Scope::Place,
                "chance http://u:chance@h",
                "chance http://u:***@h",
            ),
            (Scope::Place, "Y2hhbmNl, dTpjaGFuY2U=", "Y2hhbmNl, dT***U="),
        ];
        for (scope, text, masked) in table {
            let value = b"chance".as_slice().into();
            let matcher = Matcher::of([Secret { value, scope }]);
            assert_eq!(matcher.mask(text), masked, "{scope:?}");
        }
    }

    #[test]
    fn the_wider_of_two_scopes_holds() {
        for scopes in [
            [Scope::Place, Scope::Anywhere],
            [Scope::Anywhere, Scope::Word],
        ] {
            let secrets = scopes.map(|scope| Secret {
                value: b"chance".as_slice().into(),
                scope,
            });
            assert_eq!(Matcher::of(secrets).mask("perchances"), "per***s");
        }
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
    fn white_space_at_the_ends_of_a_value_may_be_left_out() {
        let table = [
            ("hunter22\n", "pass hunter22!", "pass ***!"),
            (" hunter22\r\n", "aHVudGVyMjI=", "***I="),
            ("hunter22\n", "68756e7465723232", "***"),
            // Too little of it is left when runs are counted as one.
            ("\\\n\\\\\n\\\n", "\\\n\\\\\n\\", "***"),
        ];
        for (secret, text, masked) in table {
            assert_eq!(matcher(&[secret]).mask(text), masked, "{secret:?}");
        }
    }

    #[test]
    fn doubled_quotes_and_codes_of_characters_are_read() {
        let table = [
            ("it's 4 o'clock", "x: 'it''s 4 o''clock'", "x: '***'"),
            ("say \"hunter\"", "\"say \"\"hunter\"\"\"", "\"***\""),
            ("caf\u{e9}-noir", "'caf\\xe9-noir'", "'***'"),
            ("caf\u{e9}-noir", "'caf\\xc3\\xa9-noir'", "'***'"),
            ("\u{e9}t\u{e9}-noir", "'\\xe9t\\xe9-noir'", "'***'"),
        ];
        for (secret, text, masked) in table {
            assert_eq!(matcher(&[secret]).mask(text), masked, "{secret:?}");
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
            let found = matcher(&["hunter22"]).find(&unfinished(text));
            assert_eq!(found.certain, certain, "{text}");
        }
    }

    #[test]
    fn an_occurrence_that_a_longer_one_may_swallow_is_not_certain() {
        let found = matcher(&["abcdef", "abcdefghi"]).find(&unfinished("x abcdefg"));
        assert_eq!((found.ranges, found.certain), (vec![(2, 8)], 2));
        let found = matcher(&["abcdef", "defghijkl"]).find(&unfinished("x abcdefgh"));
        assert_eq!((found.ranges, found.certain), (vec![(2, 8)], 5));
    }

    #[test]
    fn what_began_before_the_text_goes_on_in_it() {
        let matcher = matcher(&["abcdef"]);
        for (covered, ranges) in [(3, vec![(0, 8)]), (2, vec![(0, 2), (2, 8)])] {
            let window = Window {
                covered,
                ..Window::of(b"efabcdef")
            };
            assert_eq!(matcher.find(&window).ranges, ranges);
        }
    }
}
