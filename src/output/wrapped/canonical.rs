//! Converts a pattern to the canonical spelling used for comparison, split into pieces of bounded length.
//!
//! Each run of white space becomes one space, and each run of backslashes one backslash, since encoders repeat
//! them.

use super::gap::{self, At};
use crate::output::encodings::MIN_CHARS;

/// Longest piece of a pattern, in bytes; limits the work at each position of a text. Any piece of a longer value is
/// masked by itself.
pub(super) const MAX_PIECE_BYTES: usize = 64;
/// Distance between the starts of two pieces: pieces overlap, so that a whole value is masked as one.
const STRIDE_BYTES: usize = 48;
/// How much longer the last piece may be, since a piece begins with a character and not with a space.
const SLACK_BYTES: usize = 8;
/// Shortest pattern without its spaces.
const MIN_TEXT_BYTES: usize = 4;

/// A pattern, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) text: Box<[u8]>,
    /// Whether it is a piece from within a value: any gap may come before it and in it.
    pub(super) is_inner: bool,
}

/// Returns the pieces of a pattern. Returns `None` if too little is left to distinguish it from other text, or if
/// it contains colours.
pub(super) fn pieces_of(pattern: &[u8]) -> Option<Vec<Piece>> {
    let text = canonical(pattern)?;
    if text.len() <= MAX_PIECE_BYTES {
        return Some(vec![Piece {
            text: text.into(),
            is_inner: false,
        }]);
    }
    let mut pieces = Vec::with_capacity(text.len() / STRIDE_BYTES + 1);
    let mut start = 0;
    loop {
        let end = if text.len() - start <= MAX_PIECE_BYTES + SLACK_BYTES {
            text.len()
        } else {
            char_start(&text, start + MAX_PIECE_BYTES)
        };
        pieces.push(Piece {
            text: text[start..end].into(),
            is_inner: start > 0,
        });
        if end == text.len() {
            return Some(pieces);
        }
        let next = (start + STRIDE_BYTES).min(text.len() - MAX_PIECE_BYTES);
        start = char_start(&text, next);
        if text[start] == b' ' {
            start -= 1;
        }
        start = char_start(&text, start);
    }
}

fn canonical(pattern: &[u8]) -> Option<Vec<u8>> {
    let mut text: Vec<u8> = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(&first) = rest.first() {
        let space = match first {
            0x1b if matches!(gap::at_start(rest, true), At::Gap(_)) => return None,
            b'\\' | b'%' | 0x1b => 0,
            _ => gap::first_part(rest),
        };
        let is_repeated = first == b'\\' && text.last() == Some(&b'\\');
        if space > 0 {
            if !text.is_empty() {
                text.push(b' ');
            }
        } else if !is_repeated {
            text.push(first);
        }
        rest = &rest[space.max(1)..];
    }
    text.pop_if(|last| *last == b' ');
    let chars = String::from_utf8_lossy(&text).chars().count();
    let visible = text.iter().filter(|&&byte| byte != b' ').count();
    // A gap longer than the limit is not collapsed.
    let is_collapsed = !text.windows(2).any(|it| it == b"  ");
    (is_collapsed && chars >= MIN_CHARS && visible >= MIN_TEXT_BYTES).then_some(text)
}

/// Returns the last start of a character at or before a position; the position itself if the bytes are not text.
fn char_start(text: &[u8], place: usize) -> usize {
    if place >= text.len() {
        return text.len();
    }
    let is_start = |at: &usize| text[*at] & 0b1100_0000 != 0b1000_0000;
    let lowest = place.saturating_sub(3);
    (lowest..=place).rev().find(is_start).unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_one_spelling() {
        let table = [
            ("plain-value", Some("plain-value")),
            ("two  words\n here ", Some("two words here")),
            ("C:\\\\dir\\\\file", Some("C:\\dir\\file")),
            ("100%25 of&amp;\\nit", Some("100%25 of&amp;\\nit")),
            ("a b  c", None),
            ("\\\\\\\\\\\\\\\\", None),
            ("a\u{1b}[0mbcdefgh", None),
        ];
        for (pattern, expected) in table {
            let found = canonical(pattern.as_bytes());
            let found = found.map(|it| String::from_utf8(it).unwrap());
            assert_eq!(found.as_deref(), expected, "{pattern}");
        }
    }

    #[test]
    fn pieces_overlap_and_cover_a_pattern() {
        for value in ["0123456789 ".repeat(60), "é€😀".repeat(90), "x".repeat(65)] {
            let pieces = pieces_of(value.as_bytes()).unwrap();
            let text = canonical(value.as_bytes()).unwrap();
            assert!(text.starts_with(&pieces[0].text));
            assert!(text.ends_with(&pieces[pieces.len() - 1].text));
            for it in &pieces {
                let text = std::str::from_utf8(&it.text).unwrap();
                assert!(
                    text.len() <= MAX_PIECE_BYTES + SLACK_BYTES && text.len() > STRIDE_BYTES,
                    "{text}"
                );
                assert!(!text.starts_with(' '), "{text}");
            }
            let all: usize = pieces.iter().map(|it| it.text.len()).sum();
            assert!(all >= text.len());
        }
    }
}
