//! Compares the text at a position with all patterns at once, in any spelling.

use rustc_hash::FxHashSet;

use super::canonical::Piece;
use super::escapes::{self, Ampersand, Escape};
use super::gap::{self, At, MAX_GAP_BYTES};
use super::percent::{self, Percent};
use crate::output::window::Window;

/// Longest occurrence, as a multiple of the pattern's length, not counting one wide gap.
const MAX_STRETCH: usize = 12;
/// How much of a pattern has to come before a line end within a word, unless that word itself is long.
const MIN_BEFORE_LINE_END: usize = 4;
/// How much has to come before a change of colour within a word, with the same exception.
pub(super) const MIN_BEFORE_COLOUR: usize = 1;
/// Shortest pattern in which a line may end within a word. A shorter one would cause false matches.
const MIN_BROKEN_BYTES: usize = 10;
/// A word of so many bytes before a line end may have been cut at a fixed width.
pub(super) const LONG_WORD: usize = 16;
/// Most steps from one position; for real text, few more than a pattern has bytes.
const MAX_STEPS: usize = 4096;
/// Steps that a text may use beyond [`STEPS_PER_BYTE`].
const FREE_STEPS: usize = 64 * 1024;
/// Steps that a text may use per byte. When they are used up, each position gets this many.
const STEPS_PER_BYTE: usize = 16;
/// A run of so many bytes that are compared at once counts as one more step.
const BYTES_PER_STEP: usize = 32;
/// After so many steps, states seen before are skipped: runs of signs have many interpretations that meet again.
const MANY_STEPS: usize = 64;

/// The most apostrophes that are read at once.
const APOSTROPHES: [u8; escapes::MAX_APOSTROPHES] = [b'\''; escapes::MAX_APOSTROPHES];

/// What begins at a position.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct WalkMatch {
    /// Where the longest occurrence, or possible occurrence, ends.
    pub(crate) end: Option<usize>,
    /// Whether a longer one may become complete.
    pub(crate) undecided: bool,
}

/// The state of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ComparisonState {
    /// The range of patterns that begin with the text read so far, in lexical order.
    pub(super) from: usize,
    pub(super) to: usize,
    /// How many bytes of them were read.
    pub(super) depth: usize,
    /// Position in the text.
    pub(super) at: usize,
    /// Whether any gap was within a word.
    broken: bool,
    /// Whether a line end was within a word.
    line_broken: bool,
    /// Whether any gap was at a position that only pieces from within a value allow.
    early: bool,
    /// Whether the last thing read was an escaped space.
    spaced: bool,
}

impl ComparisonState {
    /// Returns the state after reading the next bytes unescaped, for the patterns that begin with them.
    pub(super) const fn plainly((from, to): (usize, usize), depth: usize, at: usize) -> Self {
        Self {
            from,
            to,
            depth,
            at,
            broken: false,
            line_broken: false,
            early: false,
            spaced: false,
        }
    }
}

/// State that the comparisons of one text share.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Other interpretations of the text; empty between comparisons.
    pending: Vec<ComparisonState>,
    /// States seen in one comparison.
    seen: FxHashSet<ComparisonState>,
    /// Steps taken.
    steps: usize,
}

/// A comparison of a text from one position.
pub(super) struct Comparison<'a> {
    pub(super) patterns: &'a [Piece],
    /// Number of pieces from within values before each position of the patterns, and before their end.
    pub(super) inner_before: &'a [u32],
    pub(super) window: &'a Window<'a>,
    pub(super) start: usize,
    pub(super) scratch: &'a mut Scratch,
    pub(super) found: WalkMatch,
}

impl Comparison<'_> {
    /// Continues from a state until nothing is left to compare.
    pub(super) fn run(mut self, from: ComparisonState) -> WalkMatch {
        let mut next = Some(from);
        let mut steps = 0;
        let free_steps = FREE_STEPS + STEPS_PER_BYTE * self.window.text.len();
        let most_steps = if self.scratch.steps < free_steps {
            MAX_STEPS
        } else {
            STEPS_PER_BYTE
        };
        while let Some(reached) = next.take_if(|_| steps < most_steps) {
            let is_new = steps < MANY_STEPS || self.scratch.seen.insert(reached);
            let further = if is_new { self.step(reached) } else { None };
            let run = further.map_or(0, |it| it.depth - reached.depth);
            next = further.or_else(|| self.scratch.pending.pop());
            steps += 1 + run / BYTES_PER_STEP;
        }
        if let Some(left) = next {
            self.give_up(left);
        }
        self.scratch.pending.clear();
        if steps > MANY_STEPS {
            self.scratch.seen.clear();
        }
        self.scratch.steps += steps;
        #[cfg(test)]
        super::steps::add(steps);
        self.found
    }

    /// Ends a comparison with too many interpretations: masks as far as any of them may reach, so that no secret is
    /// left in part.
    fn give_up(&mut self, left: ComparisonState) {
        for it in self.scratch.pending.iter().chain([&left]) {
            let patterns = &self.patterns[it.from..it.to];
            let longest = patterns.iter().map(|it| it.text.len()).max();
            let end = it.at + longest.unwrap_or(it.depth) - it.depth;
            self.found.undecided |= !self.window.whole && end > self.window.text.len();
            let end = end.min(self.window.text.len());
            self.found.end = self.found.end.max(Some(end));
        }
    }

    /// Returns how many bytes of the text all patterns continue with, up to one that may have several meanings.
    fn run_len(&self, it: &ComparisonState, rest: &[u8]) -> usize {
        let first = &self.patterns[it.from].text[it.depth..];
        let last = &self.patterns[it.to - 1].text[it.depth..];
        let bytes = rest.iter().zip(first).zip(last);
        let is_of_all = |((text, first), last): &((&u8, &u8), &u8)| {
            text == first && text == last && has_one_meaning(**text)
        };
        bytes.take_while(is_of_all).count()
    }

    /// Reads the next part of the text.
    fn step(&mut self, mut it: ComparisonState) -> Option<ComparisonState> {
        while it.from < it.to && self.patterns[it.from].text.len() == it.depth {
            self.accept(&it);
            it.from += 1;
        }
        if it.from == it.to || it.at - self.start > it.depth * MAX_STRETCH + MAX_GAP_BYTES {
            return None;
        }
        let rest = &self.window.text[it.at..];
        match rest.first() {
            None => {
                self.found.undecided |= !self.window.whole;
                None
            }
            Some(&byte) if has_one_meaning(byte) => match self.run_len(&it, rest) {
                0 => self.narrowed(&it, &[byte], 1),
                run => Some(ComparisonState {
                    depth: it.depth + run,
                    at: it.at + run,
                    spaced: false,
                    ..it
                }),
            },
            Some(&byte) => {
                self.read_special(&it, byte, rest);
                None
            }
        }
    }

    fn accept(&mut self, it: &ComparisonState) {
        let pattern = &self.patterns[it.from];
        let may_break = !it.line_broken || it.depth >= MIN_BROKEN_BYTES;
        if may_break && (!it.early || pattern.is_inner) {
            let end = match *pattern.text {
                [.., b'\\'] => it.at - self.slashes_of_quote(it.at),
                [.., before, b'"', b'"'] => it.at - self.len_of_other_quote(before, it.at),
                _ => it.at,
            };
            self.found.end = self.found.end.max(Some(end));
        }
    }

    /// Returns how many of the backslashes before a position belong to the quote behind it, if both are in a string
    /// within other strings: such a string encodes a backslash by twice as many as a quote, less one.
    fn slashes_of_quote(&mut self, at: usize) -> usize {
        match self.window.text.get(at) {
            Some(b'"') => {}
            Some(_) => return 0,
            None => {
                self.found.undecided |= !self.window.whole;
                return 0;
            }
        }
        let slashes = self.slashes_before(at);
        let of_quote = (1 << (slashes + 1).trailing_zeros()) - 1;
        if of_quote < slashes { of_quote } else { 0 }
    }

    /// Returns the number of backslashes of the occurrence that precede a position.
    fn slashes_before(&self, at: usize) -> usize {
        let before = self.window.text[self.start..at].iter().rev();
        before.take_while(|&&byte| byte == b'\\').count()
    }

    /// Returns the length of a quote before a position if it ends a string in a string, and does not belong to the
    /// value like the quote before it: then it has another number of backslashes.
    fn len_of_other_quote(&self, before_quotes: u8, at: usize) -> usize {
        let slashes = self.slashes_before(at - 1);
        let first_quote = at - 1 - slashes;
        let is_quote = |at: usize| at > self.start && self.window.text[at - 1] == b'"';
        if !is_quote(at) || !is_quote(first_quote) {
            return 0;
        }
        let slashes_of_first = self.slashes_before(first_quote - 1);
        let is_as_it_is = slashes == 0 && slashes_of_first == 1 && before_quotes == b'\\';
        if slashes == slashes_of_first || is_as_it_is {
            0
        } else {
            slashes + 1
        }
    }

    /// Returns whether a quote cannot be the second of a pattern, since the first one begins a string in a string.
    fn is_first_quote(&self, it: &ComparisonState, bytes: &[u8], len: usize) -> bool {
        bytes == b"\""
            && it.depth == 1
            && self.window.text[it.at - 1] == b'"'
            && self.window.text[it.at + len - 1] == b'"'
            && self.slashes_before(it.at - 1) != len - 1
    }

    /// Adds every interpretation of a byte that has more than one.
    fn read_special(&mut self, it: &ComparisonState, byte: u8, rest: &[u8]) {
        if matches!(byte, b'\'' | b'"' | b'\\') {
            self.read_literal_break(it, rest);
        }
        let is_gap = gap::may_begin_gap(byte) && self.read_gap(it, rest);
        match byte {
            b'\\' => {
                let slashes = escapes::slashes(rest);
                self.read_escape(it, escapes::backslashed(rest));
                self.read_reference(it, rest);
                if let Some(spelled) = rest.get(slashes).and_then(|it| escapes::of_yaml(*it)) {
                    self.add(it, spelled.as_bytes(), slashes + 1);
                }
                self.add(it, b"\\", slashes);
                // The last one may belong to the following character; before a sign, that makes no difference.
                if slashes > 1 && rest.get(slashes).is_some_and(u8::is_ascii_alphanumeric) {
                    self.add(it, b"\\", slashes - 1);
                }
            }
            b'%' => {
                match percent::at_start(rest) {
                    Percent::Byte(byte, len) => self.add_spelled(it, &[byte], len),
                    Percent::Literal(_) => {}
                    Percent::Cut => self.read_cut(it),
                }
                self.add_signs(it, b'%', percent::sign_len(rest), 2);
            }
            b'&' => {
                self.read_reference(it, rest);
                self.add(it, b"&", 1);
            }
            b'+' => self.add_spelled(it, b"+", 1),
            b'\'' => {
                self.read_escape(it, escapes::shell_apostrophe(rest));
                match escapes::shell_apostrophes(rest) {
                    // A single one was read above.
                    Some(count) if count > 1 => self.add(it, &APOSTROPHES[..count], count + 4),
                    Some(_) => {}
                    None => self.read_cut(it),
                }
                // A shell switches between two kinds of quoting here: `'a'$'\t''b'`.
                for between in [&b"'$'"[..], b"''"] {
                    if rest.starts_with(between) {
                        self.scratch.pending.push(ComparisonState {
                            at: it.at + between.len(),
                            spaced: self.has_read_space(it),
                            ..*it
                        });
                    } else if between.starts_with(rest) {
                        self.read_cut(it);
                    }
                }
                self.add(it, b"'", 1);
            }
            // The first byte of a box, or of another character; an escape, or the code of a colour.
            0xe2 | 0x1b => self.add(it, &[byte], 1),
            _ if is_gap => {}
            _ => self.add(it, &[byte], 1),
        }
    }

    fn read_escape(&mut self, it: &ComparisonState, escape: Escape) {
        match escape {
            Escape::Spelled(spelled, len) => {
                self.add_spelled(it, spelled.bytes(), len);
                if let Some(character) = spelled.as_code_of_char() {
                    self.add(it, character.bytes(), len);
                }
            }
            Escape::None => {}
            Escape::Cut => self.read_cut(it),
        }
    }

    /// Reads a gap; returns whether there is one that matters.
    fn read_gap(&mut self, it: &ComparisonState, rest: &[u8]) -> bool {
        let wants_space = self.narrow(it, b" ").is_some();
        let has_inner = self.has_inner(it);
        let is_long = |this: &Self| !it.broken && is_long_word(it.depth, this.start, this.window);
        let may_be_skipped =
            it.spaced || has_inner || it.depth >= MIN_BEFORE_COLOUR || is_long(self);
        if !wants_space && !may_be_skipped {
            return false;
        }
        let (gap, is_cut) = match gap::at_start(rest, self.window.whole) {
            // Too long: reading it space by space would lead no further.
            At::Text => return rest[0] == b' ',
            At::Gap(gap) => (gap, false),
            At::Cut(gap) => (gap, true),
        };
        let least = if gap.visible {
            MIN_BEFORE_LINE_END
        } else {
            MIN_BEFORE_COLOUR
        };
        let early = it.depth < least && !is_long(self);
        if is_cut {
            if wants_space || it.spaced || !early || has_inner {
                self.read_cut(it);
            }
            return true;
        }
        if it.spaced {
            let at = it.at + gap.len;
            self.scratch.pending.push(ComparisonState { at, ..*it });
            self.read_escapes_within(it, &rest[..gap.len], b"");
            return true;
        }
        if gap.visible && wants_space {
            self.scratch
                .pending
                .extend(self.narrowed(it, b" ", gap.len));
            // The rest may belong to the value itself: white space before an escape.
            let first = gap::first_part(rest);
            if first > 0 && first < gap.len {
                self.scratch.pending.extend(self.narrowed(it, b" ", first));
            }
            self.read_escapes_within(it, &rest[..gap.len], b" ");
        }
        if (!gap.visible || gap.line_end) && (!early || has_inner) {
            self.scratch.pending.push(ComparisonState {
                at: it.at + gap.len,
                broken: true,
                line_broken: it.line_broken || gap.visible,
                early: it.early || early,
                spaced: false,
                ..*it
            });
        }
        true
    }

    /// Reads a gap up to each of its escapes, if the patterns continue with some bytes and the sign of an escape.
    fn read_escapes_within(&mut self, it: &ComparisonState, gap: &[u8], bytes: &[u8]) {
        let continues_with = |sign: &[u8]| self.narrow(it, &[bytes, sign].concat()).is_some();
        if !continues_with(b"\\") && !continues_with(b"%") {
            return;
        }
        for len in gap::escapes_within(gap) {
            self.scratch.pending.extend(self.narrowed(it, bytes, len));
        }
    }

    /// Reads the end of a string literal and the start of another on the next line.
    fn read_literal_break(&mut self, it: &ComparisonState, rest: &[u8]) {
        let has_inner = self.has_inner(it);
        let early = it.depth < MIN_BEFORE_LINE_END
            && !self.has_read_space(it)
            && !is_long_word(it.depth, self.start, self.window);
        match gap::literal_break(rest, self.window.whole) {
            At::Gap(gap) if !early || has_inner => self.scratch.pending.push(ComparisonState {
                at: it.at + gap.len,
                broken: true,
                line_broken: true,
                early: it.early || early,
                ..*it
            }),
            At::Cut(_) => self.read_cut(it),
            At::Gap(_) | At::Text => {}
        }
    }

    fn read_cut(&mut self, it: &ComparisonState) {
        self.found.undecided |= !self.window.whole && it.from < it.to;
    }

    /// Adds every reading of a sign that may be escaped repeatedly, or be unescaped before text that looks like an escape.
    fn add_signs(&mut self, it: &ComparisonState, sign: u8, longest: usize, step: usize) {
        for len in (1..=longest).step_by(step) {
            self.add(it, &[sign], len);
        }
    }

    /// Adds what an escape stands for; a plus sign also as the space that it is in forms.
    fn add_spelled(&mut self, it: &ComparisonState, bytes: &[u8], len: usize) {
        self.add(it, bytes, len);
        if bytes == b"+" {
            self.add(it, b" ", len);
        }
    }

    /// Reads a character reference, or an ampersand that is escaped any number of times.
    fn read_reference(&mut self, it: &ComparisonState, rest: &[u8]) {
        self.read_escape(it, escapes::reference(rest));
        match escapes::ampersand_len(rest) {
            Ampersand::Is(longest) => {
                for len in (1..=longest).rev().step_by(4) {
                    self.add(it, b"&", len);
                }
            }
            Ampersand::Not => {}
            Ampersand::Cut => self.read_cut(it),
        }
    }

    /// Returns whether some of the patterns are pieces from within values.
    fn has_inner(&self, it: &ComparisonState) -> bool {
        self.inner_before[it.from] < self.inner_before[it.to]
    }

    /// Whether white space is the last that was read of the patterns.
    fn has_read_space(&self, it: &ComparisonState) -> bool {
        it.depth > 0 && self.patterns[it.from].text[it.depth - 1] == b' '
    }

    fn add(&mut self, it: &ComparisonState, bytes: &[u8], len: usize) {
        if self.is_first_quote(it, bytes, len) {
            return;
        }
        let next = self.narrowed(it, bytes, len);
        let spaced = bytes == b" ";
        self.scratch
            .pending
            .extend(next.map(|next| ComparisonState { spaced, ..next }));
        // Patterns contain one of each run of backslashes, and of white space.
        let before = it
            .depth
            .checked_sub(1)
            .map(|at| self.patterns[it.from].text[at]);
        if let (&[byte @ (b'\\' | b' ')], Some(before)) = (bytes, before)
            && byte == before
        {
            let at = it.at + len;
            self.scratch
                .pending
                .push(ComparisonState { at, spaced, ..*it });
        }
    }

    /// Returns the state after some bytes, which the text spells in `len` bytes.
    fn narrowed(&self, it: &ComparisonState, bytes: &[u8], len: usize) -> Option<ComparisonState> {
        let (from, to) = self.narrow(it, bytes)?;
        Some(ComparisonState {
            from,
            to,
            depth: it.depth + bytes.len(),
            at: it.at + len,
            spaced: false,
            ..*it
        })
    }

    /// Returns the range of patterns that continue with some bytes.
    #[inline]
    fn narrow(&self, it: &ComparisonState, bytes: &[u8]) -> Option<(usize, usize)> {
        let (mut from, mut to) = (it.from, it.to);
        for (place, byte) in (it.depth..).zip(bytes) {
            if to - from == 1 {
                if self.patterns[from].text.get(place) != Some(byte) {
                    return None;
                }
                continue;
            }
            let range = &self.patterns[from..to];
            let end = range.partition_point(|it| it.text.get(place) <= Some(byte));
            let begin = range[..end].partition_point(|it| it.text.get(place) < Some(byte));
            (from, to) = (from + begin, from + end);
            if from == to {
                return None;
            }
        }
        Some((from, to))
    }
}

/// Returns whether a byte may have more than one interpretation.
pub(super) const fn is_special(byte: u8) -> bool {
    gap::may_begin_gap(byte) || matches!(byte, b'&' | b'+' | b'\'')
}

/// Returns whether a byte can only mean itself; a quote may also end a literal.
const fn has_one_meaning(byte: u8) -> bool {
    !is_special(byte) && byte != b'"'
}

/// Returns whether the word that ends with the first bytes of an occurrence is a long one.
fn is_long_word(depth: usize, start: usize, window: &Window<'_>) -> bool {
    if depth >= LONG_WORD {
        return true;
    }
    let before = window.before(start);
    let of_word = before.iter().rev().take_while(|it| it.is_ascii_graphic());
    of_word.count() + depth >= LONG_WORD
}
