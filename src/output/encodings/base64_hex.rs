//! Encodes a value in base64 and in hex.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::is_long_enough;

/// Columns at which `base64` and `openssl` break lines.
const BASE64_COLUMNS: [usize; 2] = [76, 64];

/// Encodings of a value to search for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encodings {
    /// Also hex and base64 of base64, which need as many patterns as all others.
    All,
    Common,
}

/// Adds base64 and, if requested, base64 of that and hex.
pub(crate) fn add_encoded(value: &[u8], encodings: Encodings, to: &mut BTreeSet<Vec<u8>>) {
    let mut once = BTreeSet::new();
    add_base64(value, &mut once);
    if encodings == Encodings::All {
        for inner in &once {
            add_base64(inner, to);
        }
        for end in ["", "\n"] {
            add_base64_of_lines(&[value, end.as_bytes()].concat(), to);
        }
        let lower = hex(value);
        to.insert(lower.to_ascii_uppercase());
        to.insert(lower);
    }
    // Line by line, since a tool may print a prefix before each of them.
    let whole = STANDARD_NO_PAD.encode(value).into_bytes();
    let whole = &whole[..value.len() * 8 / 6];
    for columns in BASE64_COLUMNS.into_iter().filter(|it| *it < whole.len()) {
        let lines = whole.chunks(columns).filter(|line| is_long_enough(line));
        to.extend(lines.map(<[u8]>::to_vec));
    }
    to.extend(once);
}

/// Adds the part of the base64 text that does not depend on the bytes around the value, for each of the three
/// positions in a group of three bytes where the value may begin.
fn add_base64(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(value);
        // A base64 character holds six bits: characters that also contain bits of a neighbour are left out.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            to.insert(engine.encode(&padded).as_bytes()[first..last].to_vec());
        }
    }
}

/// The same for the output of `base64`, with its line ends, for a value that begins it.
fn add_base64_of_lines(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    let whole = STANDARD.encode(value).into_bytes();
    for columns in BASE64_COLUMNS.into_iter().filter(|it| *it < whole.len()) {
        let lines: Vec<_> = whole.chunks(columns).collect();
        add_base64(&lines.join(&b'\n'), to);
    }
}

fn hex(value: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [byte >> 4, byte & 0xf].map(|it| DIGITS[usize::from(it)]);
    value.iter().flat_map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &[u8], encodings: Encodings) -> Vec<String> {
        let mut found = BTreeSet::new();
        add_encoded(value, encodings, &mut found);
        let texts = found.into_iter().map(String::from_utf8);
        texts.map(Result::unwrap).collect()
    }

    /// Returns base64 of a value with other bytes on both sides.
    fn around(before: usize, value: &[u8], after: usize) -> String {
        let whole = [&b"xx"[..before], value, &b"yy"[..after]].concat();
        STANDARD_NO_PAD.encode(whole)
    }

    #[test]
    fn base64_is_found_at_each_alignment_once_and_twice_over() {
        let value = b"correct horse";
        let patterns = encoded(value, Encodings::All);
        let is_in = |text: &str, len: usize| {
            patterns
                .iter()
                .any(|it| it.len() >= len && text.contains(it))
        };
        for (before, after) in (0..3).flat_map(|it| (0..3).map(move |after| (it, after))) {
            let once = around(before, value, after);
            assert!(is_in(&once, 16), "{before} before, {after} after");
            for outer in 0..3 {
                let twice = around(outer, once.as_bytes(), 1);
                assert!(is_in(&twice, 20), "{before} before, {outer} before that");
            }
        }
    }

    #[test]
    fn base64_of_base64_in_lines_is_found() {
        let value = b"0123456789 abcdefghij ABCDEFGHIJ 9876543210 jihgfedcba JIHGFEDCBA";
        let patterns = encoded(value, Encodings::All);
        for end in ["", "\n"] {
            let once = STANDARD.encode([value, end.as_bytes()].concat());
            let lines: Vec<_> = once.as_bytes().chunks(76).collect();
            let twice = STANDARD.encode([lines.join(&b'\n'), b"\n".to_vec()].concat());
            let longest = patterns
                .iter()
                .filter(|it| twice.contains(*it))
                .map(String::len)
                .max();
            assert!(
                longest.is_some_and(|it| it + 6 >= twice.len()),
                "{longest:?} of {}",
                twice.len()
            );
        }
    }

    #[test]
    fn hex_is_found_in_either_case_where_it_is_wanted() {
        for (encodings, expected) in [(Encodings::All, true), (Encodings::Common, false)] {
            let patterns = encoded(b"k\xffn", encodings);
            for hex in ["6bff6e", "6BFF6E"] {
                assert_eq!(patterns.contains(&hex.to_owned()), expected, "{hex}");
            }
        }
    }

    #[test]
    fn lines_of_base64_are_found_and_no_stub_is() {
        let value: Vec<u8> = (0..130).collect();
        let whole = STANDARD_NO_PAD.encode(&value);
        let patterns = encoded(&value, Encodings::Common);
        for columns in BASE64_COLUMNS {
            let line = whole[columns..2 * columns].to_owned();
            assert!(patterns.contains(&line), "{columns}");
        }
        assert!(patterns.iter().all(|it| it.len() >= 6), "{patterns:?}");
    }
}
