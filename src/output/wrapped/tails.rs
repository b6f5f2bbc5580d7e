//! The next few decoded bytes of a text, which rule out nearly every position as the continuation of a pattern.

use super::escapes::{self, Escape};
use super::gap::{self, At};
use super::walk::is_special;

/// Number of bytes that are read.
pub(super) const TAIL_BYTES: usize = 4;
type Tail = [u8; TAIL_BYTES];

/// The continuation of a text, in each possible interpretation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tails {
    tails: [Tail; 2],
    len: usize,
}

impl Tails {
    /// Reads a position of interest in a text. Returns `None` if a few bytes are not enough to decide.
    pub(super) fn at(text: &[u8], has_space: bool) -> Option<Self> {
        let mut this = Self::default();
        let is_told = matches!(text, [b'\\' | b'\n' | b'\t' | b'\r' | b' ' | 0x1b, ..]);
        if !is_told || gap::literal_break(text, false) != At::Text {
            return None;
        }
        match gap::at_start(text, false) {
            // An escape in it may belong to the value.
            At::Gap(gap) if text[..gap.len].iter().any(|it| matches!(it, b'\\' | b'%')) => {
                return None;
            }
            At::Gap(gap) => {
                if has_space && gap.visible {
                    this.add(b" ", &text[gap.len..])?;
                }
                this.add(b"", &text[gap.len..])?;
            }
            At::Text if text.starts_with(b"\\") => {
                let slashes = escapes::slashes(text);
                if text
                    .get(slashes)
                    .is_some_and(|it| escapes::of_yaml(*it).is_some())
                {
                    return None;
                }
                match escapes::backslashed(text) {
                    // What is spelled may begin an escape itself, or stand for a space.
                    Escape::Spelled(it, _)
                        if it.as_code_of_char().is_some() || matches!(it.bytes(), b"&" | b"+") =>
                    {
                        return None;
                    }
                    Escape::Spelled(it, len) => this.add(it.bytes(), &text[len..])?,
                    Escape::None => {}
                    Escape::Cut => return None,
                }
                if slashes > 1 && text.get(slashes).is_some_and(u8::is_ascii_alphanumeric) {
                    return None;
                }
                this.add(b"\\", &text[slashes..])?;
            }
            At::Text | At::Cut(_) => return None,
        }
        Some(this)
    }

    fn add(&mut self, first: &[u8], rest: &[u8]) -> Option<()> {
        let tail = self.tails.get_mut(self.len)?;
        let (begin, end) = tail.split_at_mut_checked(first.len())?;
        begin.copy_from_slice(first);
        for (place, byte) in end.iter_mut().enumerate() {
            *byte = plain(rest, place)?;
        }
        self.len += 1;
        Some(())
    }

    /// Returns whether `before`, followed by one of these tails, may begin a pattern.
    pub(super) fn any_behind(&self, before: &[u8], may_begin: impl Fn(&[u8]) -> bool) -> bool {
        self.tails[..self.len].iter().any(|tail| {
            let mut gram = [0; TAIL_BYTES];
            let (begin, end) = gram.split_at_mut(before.len());
            begin.copy_from_slice(before);
            end.copy_from_slice(&tail[..end.len()]);
            may_begin(&gram)
        })
    }
}

/// Returns a byte of a text that has no other interpretation.
fn plain(text: &[u8], place: usize) -> Option<u8> {
    let byte = *text.get(place)?;
    let is_space = byte == b' '
        && place > 0
        && text
            .get(place + 1)
            .is_some_and(|it| !gap::may_begin_gap(*it));
    (is_space || !is_special(byte)).then_some(byte)
}

/// Returns whether no byte of a text before `end` has another interpretation.
pub(super) fn is_plain(text: &[u8], end: usize) -> bool {
    (0..end).all(|place| plain(text, place).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_reading_a_place_is_a_tail() {
        let table: [(&str, Option<&[&Tail]>); 6] = [
            ("\u{1b}[0mabcd", Some(&[b"abcd"])),
            ("\r  abcde", Some(&[b" abc", b"abcd"])),
            ("\\\"ab cd", Some(&[b"\"ab ", b"\\\"ab"])),
            ("\t\tabcde", Some(&[b" abc", b"abcd"])),
            ("\u{1b}[0mab\u{1b}[0m", None),
            ("%2Fabcd", None),
        ];
        for (text, expected) in table {
            let found = Tails::at(text.as_bytes(), true);
            let found: Option<Vec<_>> =
                found.as_ref().map(|it| it.tails[..it.len].iter().collect());
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }
}
