//! Finds positions at which a text may spell something differently from a pattern.

use memchr::{memchr3, memmem};

/// Characters in the first bytes of patterns that decide what to search for in a text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Events {
    /// White space: then any other white space matters, and a plus sign, which means a space in form bodies.
    pub(super) has_space: bool,
    /// A quote, which shells write as `'\''` and `'"'"'`: then any quote matters, not only one that begins an
    /// escape.
    pub(super) has_quote: bool,
}

/// Finds the next byte of some kind.
type ByteSearch = fn(&[u8]) -> Option<usize>;

/// The kinds of bytes to search for, each with one fast search.
const SEARCHES: [ByteSearch; 5] = [
    |text| memchr3(b'\n', 0x1b, b'\\', text),
    |text| memchr3(b'%', b'&', b'\'', text),
    |text| memchr3(b'\t', b'\r', b'+', text),
    |text| memchr3(0x0b, 0x0c, 0xe2, text),
    |text| memmem::find(text, b"  "),
];
/// How many of them always matter; the others matter with white space.
const ALWAYS: usize = 2;

/// The positions of interest in one text, from its start.
pub(super) struct EventsIn<'a> {
    text: &'a [u8],
    /// The next position of each kind; the end of the text if there is none.
    next: [usize; SEARCHES.len()],
    is_on: [bool; SEARCHES.len()],
}

impl Events {
    pub(super) fn of(self, text: &[u8]) -> EventsIn<'_> {
        let mut is_on = [self.has_space; SEARCHES.len()];
        is_on[..ALWAYS].fill(true);
        let mut this = EventsIn {
            text,
            next: [text.len(); SEARCHES.len()],
            is_on,
        };
        for kind in 0..SEARCHES.len() {
            this.search(kind, 0);
        }
        this
    }
}

impl EventsIn<'_> {
    /// Returns the first position at or after `from`.
    #[inline]
    pub(super) fn next(&mut self, from: usize) -> Option<usize> {
        let mut next = self.text.len();
        for kind in 0..SEARCHES.len() {
            if self.next[kind] < from {
                self.search(kind, from);
            }
            next = next.min(self.next[kind]);
        }
        (next < self.text.len()).then_some(next)
    }

    fn search(&mut self, kind: usize, from: usize) {
        if self.is_on[kind] {
            let found = SEARCHES[kind](&self.text[from..]);
            self.next[kind] = found.map_or(self.text.len(), |at| from + at);
        }
    }
}
