//! Finds values that a tool has wrapped, indented, boxed or coloured.
//!
//! A wrapped value has a gap where the plain one has none or another. So only what joins at gaps is looked at: the
//! bytes on both sides of each gap, which hardly ever are those of a pattern. Where they are, every start that the
//! gap may belong to is tried.

mod events;
mod folded;
mod gap;
mod joins;
mod pairs;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::events::Events;
use self::folded::{Break, Folded};
use self::gap::{At, Gap};
use self::joins::{Join, Joins, SIDE_BYTES, Side};
use self::pairs::Pairs;
use super::window::Window;

/// Shortest text of a pattern with gaps.
const MIN_TEXT_BYTES: usize = SIDE_BYTES + 1;
/// Longest occurrence: so many times the text of its pattern, and as much again as one wide gap takes.
const MAX_STRETCH: usize = 4;
const MAX_GAP_BYTES: usize = 1024;
/// A word of so many bytes before a line end may be one that was cut at a fixed width.
const LONG_WORD: usize = 16;

/// The patterns that are looked for across gaps.
#[derive(Default)]
pub(super) struct Wrapped {
    /// In lexical order.
    patterns: Vec<Folded>,
    events: Events,
    joins: Joins,
    /// Which of the patterns begin with a byte.
    first: Vec<(usize, usize)>,
    starts: Pairs,
    longest: usize,
}

/// What begins at a place.
#[derive(Default)]
struct Walk {
    /// Where the longest occurrence ends.
    end: Option<usize>,
    /// Whether a longer one may become whole.
    undecided: bool,
}

impl Wrapped {
    /// Compiles those of some patterns that may be wrapped.
    pub(super) fn new<'a>(patterns: impl IntoIterator<Item = &'a Arc<[u8]>>) -> Self {
        let mut patterns: Vec<_> = patterns.into_iter().filter_map(Folded::of).collect();
        if patterns.is_empty() {
            return Self::default();
        }
        patterns.sort_unstable();
        patterns.dedup();
        let mut first = vec![(0, 0); 256];
        for (place, pattern) in patterns.iter().enumerate() {
            let (start, end) = &mut first[usize::from(pattern.text[0])];
            if *end == 0 {
                *start = place;
            }
            *end = place + 1;
        }
        let longest = patterns.iter().map(|it| it.text.len()).max();
        Self {
            events: Events::new(&patterns),
            joins: Joins::new(&patterns),
            starts: patterns.iter().map(|it| (it.text[0], it.text[1])).collect(),
            first,
            longest: longest.unwrap_or(0),
            patterns,
        }
    }

    /// Adds what is found to `ranges`, in any order; returns up to where that is certain.
    pub(super) fn find(&self, window: &Window<'_>, ranges: &mut Vec<(usize, usize)>) -> usize {
        let text = window.text;
        let mut certain = text.len();
        if self.patterns.is_empty() {
            return certain;
        }
        // No value goes on across a gap that was passed over. But one may begin within it: what looks like the code
        // of a colour may be the beginning of a value. So what precedes a gap begins behind the first byte of the last.
        let mut fresh_from = 0;
        // The end of the last gap across which a value may go on, and before which place every start was tried.
        let (mut passed, mut tried) = (None, 0);
        let mut at = 0;
        let mut events = self.events.of(text);
        while let Some(event) = events.next(at) {
            at = event + 1;
            if !gap::begins(&text[event..], window.whole) {
                continue;
            }
            let start = fresh_from + start_of_gap(&text[fresh_from..event]);
            let before = Side::last_of(&text[fresh_from..start]);
            let goes_on = passed
                .is_some_and(|end| end <= start && !Side::last_of(&text[end..start]).is_full());
            let join = if goes_on {
                Join::Far
            } else if self.joins.may_go_on(&before, &text[..start]) {
                let end = match gap::at_start(&text[event..], window.whole) {
                    At::Gap(gap) => event + gap.len,
                    At::Text | At::Cut(_) => text.len(),
                };
                self.joins.across(&before, &text[end..], window.whole)
            } else {
                Join::Nothing
            };
            let from = match join {
                Join::Nothing => {
                    passed = passed.filter(|&end| end > event);
                    let spaces = text[at..].iter().take_while(|&&byte| byte == b' ');
                    at += spaces.count();
                    fresh_from = at;
                    continue;
                }
                Join::Near(bytes) if is_unspaced(&text[fresh_from..start], bytes) => start - bytes,
                Join::Near(_) | Join::Far => {
                    let from = start.saturating_sub(self.longest_stretch()).max(tried);
                    tried = start;
                    from
                }
            };
            for from in (from..start).filter(|&from| self.may_start(&text[from..])) {
                let walk = self.walk(from, window);
                ranges.extend(walk.end.map(|end| (from, end)));
                if walk.undecided {
                    certain = certain.min(from);
                }
            }
            passed = match gap::at_start(&text[event..], window.whole) {
                At::Gap(gap) => Some(event + gap.len),
                At::Text | At::Cut(_) => None,
            };
            fresh_from = at;
        }
        certain
    }

    const fn longest_stretch(&self) -> usize {
        self.longest * MAX_STRETCH + MAX_GAP_BYTES
    }

    fn may_start(&self, text: &[u8]) -> bool {
        match text {
            [first, second, ..] if !gap::may_begin_gap(*second) => self.starts.has(*first, *second),
            [first, ..] => self.first[usize::from(*first)] != (0, 0),
            [] => false,
        }
    }

    /// Compares what begins at a place with all patterns at once, gaps left out.
    fn walk(&self, start: usize, window: &Window<'_>) -> Walk {
        let text = window.text;
        let mut walk = Walk::default();
        let (mut from, mut to) = self.first[usize::from(text[start])];
        let mut breaks: Vec<Break> = Vec::new();
        let mut at = start + 1;
        for depth in 1.. {
            let ended = self.patterns[from..to]
                .iter()
                .take_while(|it| it.text.len() == depth)
                .inspect(|it| {
                    // Without a gap, the plain search finds it.
                    if !breaks.is_empty() && it.fits(&breaks, depth) {
                        walk.end = Some(at);
                    }
                })
                .count();
            from += ended;
            if from == to {
                break;
            }
            let (gap, is_cut) = match gap::at_start(&text[at..], window.whole) {
                At::Text => (Gap::default(), false),
                At::Gap(gap) => (gap, false),
                // A line may still end in a gap of which the beginning is seen.
                At::Cut(gap) => (
                    Gap {
                        line_end: gap.visible,
                        ..gap
                    },
                    true,
                ),
            };
            if at + gap.len - start > depth * MAX_STRETCH + MAX_GAP_BYTES {
                break;
            }
            if gap.len > 0 && (gap.visible || !is_cut) {
                breaks.push(Break {
                    depth,
                    visible: gap.visible,
                    line_end: gap.line_end,
                    after_long_word: breaks.is_empty() && is_long_word(depth, start, window),
                });
            }
            if is_cut {
                let depth = depth + usize::from(gap.visible);
                let goes_on = |it: &Folded| it.fits(&breaks, depth);
                walk.undecided = self.patterns[from..to].iter().any(goes_on);
                break;
            }
            at += gap.len;
            let Some(&byte) = text.get(at) else {
                break;
            };
            let is_before = |it: &Folded| it.text[depth] < byte;
            let is_not_after = |it: &Folded| it.text[depth] <= byte;
            let range = &self.patterns[from..to];
            to = from + range.partition_point(is_not_after);
            from += range.partition_point(is_before);
            at += 1;
        }
        walk
    }
}

/// Whether the word that ends with the first bytes of an occurrence is a long one.
fn is_long_word(depth: usize, start: usize, window: &Window<'_>) -> bool {
    if depth >= LONG_WORD {
        return true;
    }
    let before = window.before(start);
    let of_word = before.iter().rev().take_while(|it| it.is_ascii_graphic());
    of_word.count() + depth >= LONG_WORD
}

/// Whether the last bytes of a text are that many and no space is in them.
fn is_unspaced(text: &[u8], bytes: usize) -> bool {
    text.len() >= bytes && !text[text.len() - bytes..].contains(&b' ')
}

/// Where the gap begins whose first byte of interest ends a text: with the white space and the box before it.
fn start_of_gap(word: &[u8]) -> usize {
    let mut word = word;
    loop {
        word = match word {
            [rest @ .., b' ' | b'\t' | b'\r' | 0x0b | 0x0c] => rest,
            [rest @ .., 0xe2, 0x94 | 0x95, 0x80..=0xbf] => rest,
            _ => return word.len(),
        };
    }
}
