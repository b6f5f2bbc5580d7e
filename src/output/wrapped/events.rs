//! Where gaps of interest may begin in a text.

use memchr::{memchr, memchr3, memmem};

use super::folded::Folded;
use super::gap;
use super::pairs::Pairs;

/// Which gaps are of interest, by what the patterns have.
///
/// What is found without a gap that differs from the pattern's own is found by the plain search already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Interest {
    /// Ends of lines and colours: no pattern has a gap.
    #[default]
    Unspaced,
    /// White space of more than one space as well: the gaps of patterns are single spaces.
    Unusual,
    /// Each space that joins words of a pattern.
    All,
}

/// Finds them.
#[derive(Default)]
pub(super) struct Events {
    interest: Interest,
    /// The two bytes beside a gap of a pattern.
    between: Pairs,
}

/// The gaps of one text, from its start on.
pub(super) struct EventsIn<'a> {
    of: &'a Events,
    text: &'a [u8],
    /// The next one of each kind, if it is known; the end of the text if there is none.
    line_end: usize,
    spaces: usize,
    tab: usize,
}

impl Events {
    pub(super) fn new(patterns: &[Folded]) -> Self {
        let interest = patterns.iter().map(|pattern| {
            if pattern.gaps().len() == 0 {
                Interest::Unspaced
            } else if pattern.is_spaced_plainly() {
                Interest::Unusual
            } else {
                Interest::All
            }
        });
        let between = patterns
            .iter()
            .flat_map(|it| it.gaps().map(|depth| (it.text[depth - 1], it.text[depth])));
        Self {
            interest: interest.max().unwrap_or_default(),
            between: between.collect(),
        }
    }

    pub(super) fn of<'a>(&'a self, text: &'a [u8]) -> EventsIn<'a> {
        let mut this = EventsIn {
            of: self,
            text,
            line_end: 0,
            spaces: 0,
            tab: 0,
        };
        this.line_end = this.next_line_end(0);
        this.spaces = this.next_unusual(0, find_spaces);
        this.tab = this.next_unusual(0, find_tab);
        this
    }
}

impl EventsIn<'_> {
    /// The first one at or behind a place.
    pub(super) fn next(&mut self, from: usize) -> Option<usize> {
        if self.of.interest == Interest::All {
            return self.next_of_all(from);
        }
        if self.line_end < from {
            self.line_end = self.next_line_end(from);
        }
        if self.spaces < from {
            self.spaces = self.next_unusual(from, find_spaces);
        }
        if self.tab < from {
            self.tab = self.next_unusual(from, find_tab);
        }
        let next = self.line_end.min(self.spaces).min(self.tab);
        (next < self.text.len()).then_some(next)
    }

    fn next_line_end(&self, from: usize) -> usize {
        let found = memchr3(b'\n', 0x1b, b'\\', &self.text[from..]);
        found.map_or(self.text.len(), |at| from + at)
    }

    fn next_unusual(&self, from: usize, find: fn(&[u8]) -> Option<usize>) -> usize {
        let found = match self.of.interest {
            Interest::Unusual => find(&self.text[from..]),
            Interest::Unspaced | Interest::All => None,
        };
        found.map_or(self.text.len(), |at| from + at)
    }

    fn next_of_all(&self, mut from: usize) -> Option<usize> {
        loop {
            let rest = self.text.get(from..)?;
            let place = from + rest.iter().position(|&it| gap::may_begin_gap(it))?;
            let is_single = match (self.text[place], self.text.get(place + 1)) {
                (b' ', Some(&after)) if place > 0 && !gap::may_begin_gap(after) => {
                    !self.of.between.has(self.text[place - 1], after)
                }
                _ => false,
            };
            if !is_single {
                return Some(place);
            }
            from = place + 1;
        }
    }
}

fn find_spaces(text: &[u8]) -> Option<usize> {
    memmem::find(text, b"  ")
}

fn find_tab(text: &[u8]) -> Option<usize> {
    memchr(b'\t', text)
}
