//! Finds values in any spelling, even if a tool has wrapped, indented, boxed or coloured them.
//!
//! An occurrence begins with the bytes of the pattern, or its first bytes contain something else: an escape, or
//! white space. So only these two kinds of positions are examined. From there, the decoded text is compared with
//! all patterns at once, for at most one piece of bounded length.

mod canonical;
mod escapes;
mod events;
mod gap;
mod pairs;
mod percent;
#[cfg(test)]
mod steps;
mod tails;
#[cfg(test)]
mod tests;
mod walk;
#[cfg(test)]
mod work_tests;

use std::collections::HashMap;

use self::canonical::Piece;
use self::escapes::Escape;
use self::events::Events;
use self::gap::At;
use self::pairs::Pairs;
use self::percent::Percent;
use self::tails::{TAIL_BYTES, Tails, is_plain};
pub(super) use self::walk::Scratch;
use self::walk::{
    Comparison, ComparisonState, LONG_WORD, MIN_BEFORE_COLOUR, WalkMatch, is_special,
};
use super::matcher::prefilter::{Needle, Prefilter};
use super::window::Window;

/// How far before a position of interest an occurrence may begin that its first bytes do not show.
const LOOK_BACK: usize = size_of::<Needle>();

/// Patterns that are found in any spelling.
#[derive(Default)]
pub(super) struct Wrapped {
    /// The patterns, in lexical order.
    patterns: Vec<Piece>,
    /// Number of pieces from within values before each of them, and before the end.
    inner_before: Vec<u32>,
    /// The range of patterns that begin with these bytes.
    needles: HashMap<Needle, (usize, usize)>,
    /// The range of patterns that begin with a byte.
    first: Vec<(usize, usize)>,
    starts: Pairs,
    events: Events,
}

impl Wrapped {
    /// Compiles patterns, and returns those that can only be compared byte by byte.
    pub(super) fn new(patterns: impl IntoIterator<Item = Vec<u8>>) -> (Self, Vec<Vec<u8>>) {
        let mut pieces = Vec::new();
        let mut exact = Vec::new();
        for pattern in patterns {
            match canonical::pieces_of(&pattern) {
                Some(found) => pieces.extend(found),
                None => exact.push(pattern),
            }
        }
        pieces.sort_unstable();
        // Of two equal ones, the one that allows more gaps comes last and stays.
        pieces.dedup_by(|next, kept| {
            let is_same = next.text == kept.text;
            kept.is_inner |= is_same && next.is_inner;
            is_same
        });
        (Self::of_pieces(pieces), exact)
    }

    fn of_pieces(patterns: Vec<Piece>) -> Self {
        let mut this = Self {
            first: vec![(0, 0); 256],
            ..Self::default()
        };
        for (place, pattern) in patterns.iter().enumerate() {
            let text = &pattern.text;
            let extend = |(from, to): &mut (usize, usize)| {
                if *to == 0 {
                    *from = place;
                }
                *to = place + 1;
            };
            extend(&mut this.first[usize::from(text[0])]);
            this.starts.add(text[0], text[1]);
            if let Some(needle) = text.first_chunk::<LOOK_BACK>() {
                extend(this.needles.entry(*needle).or_default());
                this.events.has_space |= needle.contains(&b' ');
                this.events.has_quote |= needle.contains(&b'\'');
            }
        }
        this.inner_before = Vec::with_capacity(patterns.len() + 1);
        this.inner_before.push(0);
        let mut inner = 0;
        for it in &patterns {
            inner += u32::from(it.is_inner);
            this.inner_before.push(inner);
        }
        this.patterns = patterns;
        this
    }

    /// Returns the prefixes of patterns.
    pub(super) fn needles(&self) -> impl Iterator<Item = &Needle> {
        self.needles.keys()
    }

    /// Finds an occurrence at a position that has the unescaped first bytes of a pattern.
    pub(super) fn at_needle(
        &self,
        needle: &Needle,
        start: usize,
        window: &Window<'_>,
        scratch: &mut Scratch,
    ) -> WalkMatch {
        match self.needles.get(needle) {
            None => WalkMatch::default(),
            Some(&range) => {
                let from = ComparisonState::plainly(range, LOOK_BACK, start + LOOK_BACK);
                self.walk(start, from, window, scratch)
            }
        }
    }

    fn walk(
        &self,
        start: usize,
        from: ComparisonState,
        window: &Window<'_>,
        scratch: &mut Scratch,
    ) -> WalkMatch {
        let walk = Comparison {
            patterns: &self.patterns,
            inner_before: &self.inner_before,
            window,
            start,
            scratch,
            found: WalkMatch::default(),
        };
        walk.run(from)
    }

    /// Adds all other occurrences to `ranges`, in any order; returns up to where the result is certain.
    pub(super) fn find(
        &self,
        window: &Window<'_>,
        filter: &Prefilter,
        ranges: &mut Vec<(usize, usize)>,
    ) -> usize {
        let text = window.text;
        let mut certain = text.len();
        if self.patterns.is_empty() {
            return certain;
        }
        let mut try_starts = self.tries(window, filter, ranges, &mut certain);
        // Every start before this position was tried.
        let mut fresh = 0;
        let mut at = 0;
        let mut events = self.events.of(text);
        while let Some(event) = events.next(at) {
            at = event + 1;
            match &text[event..] {
                [b'%', after, ..] if !after.is_ascii_hexdigit() => continue,
                [b'&', after, ..] if !after.is_ascii_lowercase() && *after != b'#' => continue,
                // Shells write `'$'` before an escaped part, and two quotes after it.
                [b'\'', after, ..] if !self.events.has_quote && !matches!(after, b'$' | b'\'') => {
                    continue;
                }
                [b' ', rest @ ..] => at += rest.iter().take_while(|&&it| it == b' ').count(),
                _ => {}
            }
            try_starts(fresh, event);
            fresh = at;
        }
        if !window.whole {
            try_starts(fresh, text.len());
        }
        drop(try_starts);
        certain
    }

    /// Returns a function that tries every start at or after the first position from which the second position may
    /// be among the first bytes.
    fn tries(
        &self,
        window: &Window<'_>,
        filter: &Prefilter,
        ranges: &mut Vec<(usize, usize)>,
        certain: &mut usize,
    ) -> impl FnMut(usize, usize) {
        let text = window.text;
        let mut scratch = Scratch::default();
        move |fresh, event| {
            let gap = fresh + start_of_gap(&text[fresh..event]);
            let lowest = gap.saturating_sub(LOOK_BACK).max(fresh);
            let ends_literal =
                text.get(gap) == Some(&b'"') && gap::literal_break(&text[gap..], false) != At::Text;
            let narrowest = if self.may_begin_near(window, gap, event) {
                0
            } else {
                MIN_BEFORE_COLOUR
            };
            let mut tails = None;
            for start in lowest..text.len().min(event + 1) {
                let before = event - start;
                if gap.saturating_sub(start) < narrowest {
                    break;
                }
                let Some(from) = self.begin(&text[start..], start) else {
                    continue;
                };
                if !ends_literal && is_plain(&text[start..], before.min(TAIL_BYTES)) {
                    let may_begin = |it: &[u8]| filter.may_start(it);
                    let begins = if before >= TAIL_BYTES {
                        may_begin(&text[start..])
                    } else if before > 1 && !self.starts.has(text[start], text[start + 1]) {
                        false
                    } else {
                        let tails = tails.get_or_insert_with(|| {
                            Tails::at(&text[event..], self.events.has_space)
                        });
                        let tails = tails.as_ref();
                        tails.is_none_or(|it| it.any_behind(&text[start..event], may_begin))
                    };
                    if !begins {
                        continue;
                    }
                }
                let found = self.walk(start, from, window, &mut scratch);
                ranges.extend(found.end.map(|end| (start, end)));
                if found.undecided {
                    *certain = start.min(*certain);
                }
            }
        }
    }

    /// Returns whether an occurrence may have few bytes before a position of interest: it may not if a gap is
    /// within a word, unless lines end at a fixed width.
    fn may_begin_near(&self, window: &Window<'_>, gap: usize, event: usize) -> bool {
        if self.events.has_space || !matches!(window.text.get(event), Some(b'\n' | 0x1b)) {
            return true;
        }
        let before = window.before(gap);
        let near = &before[before.len().saturating_sub(LONG_WORD)..];
        near.contains(&b'\n') || near.iter().all(u8::is_ascii_graphic)
    }

    /// Returns the first state of a comparison, if a pattern may begin like the text.
    fn begin(&self, text: &[u8], start: usize) -> Option<ComparisonState> {
        let first = text[0];
        if is_special(first) {
            let is_plain_gap = matches!(first, b' ' | b'\n' | b'\t' | b'\r' | 0x1b);
            let all = (0, self.patterns.len());
            let may_begin = !is_plain_gap && self.may_begin_spelled(text);
            return may_begin.then(|| ComparisonState::plainly(all, 0, start));
        }
        // A string literal may end after the first byte.
        let is_start =
            |second: &u8| is_special(*second) || *second == b'"' || self.starts.has(first, *second);
        let range = self.first[usize::from(first)];
        (range != (0, 0) && text.get(1).is_none_or(is_start))
            .then(|| ComparisonState::plainly(range, 1, start + 1))
    }

    /// Returns whether a pattern begins with what the start of a text spells, or with its unescaped first byte.
    fn may_begin_spelled(&self, text: &[u8]) -> bool {
        let has = |byte: u8| self.first[usize::from(byte)] != (0, 0);
        let has_escaped = |escape: Escape| match escape {
            Escape::Spelled(spelled, _) => {
                let as_char = spelled.as_code_of_char();
                has(spelled.bytes()[0]) || as_char.is_some_and(|it| has(it.bytes()[0]))
            }
            Escape::None => false,
            Escape::Cut => true,
        };
        has(text[0])
            || match text[0] {
                b'\\' => {
                    has_escaped(escapes::backslashed(text)) || has_escaped(escapes::reference(text))
                }
                b'&' => has_escaped(escapes::reference(text)),
                b'%' => match percent::at_start(text) {
                    Percent::Byte(byte, _) => has(byte),
                    Percent::Literal(_) => false,
                    Percent::Cut => true,
                },
                _ => false,
            }
    }
}

/// Returns where the gap begins whose first byte of interest follows a text: it includes the white space and the
/// box before that byte, what a shell writes before an escape, and the end of a string literal.
fn start_of_gap(text: &[u8]) -> usize {
    let mut text = text;
    loop {
        text = match text {
            [rest @ .., b' ' | b'\t' | b'\r' | 0x0b | 0x0c] => rest,
            [rest @ .., 0xe2, 0x94 | 0x95, 0x80..=0xbf] => rest,
            [rest @ .., b'\'', b'$', b'\''] => rest,
            [rest @ .., b'\'' | b'"'] => return rest.len(),
            _ => return text.len(),
        };
    }
}
