//! The forms in which a value may turn up in output.

use std::collections::BTreeSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Shortest value that is masked, in characters: shorter ones would mask ordinary words.
pub(super) const MIN_CHARS: usize = 6;
/// Longest pattern, in bytes. A longer form is looked for in pieces of this size, which bounds what
/// has to be held back while more may come.
pub(super) const MAX_PATTERN_BYTES: usize = 8 * 1024;

/// What RFC 3986 leaves as it is in a URL.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Every pattern that has to be looked for on account of one value.
///
/// As it is, JSON-escaped, HCL-escaped, both of them over again, URL-encoded, in base64 at each of the three alignments; and
/// each line of a value of several lines, since a tool indents them one by one. Nothing for a value
/// shorter than [`MIN_CHARS`].
pub(super) fn patterns(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    if !is_long_enough(value) {
        return found;
    }
    add_escaped(value, &mut found);
    add_base64(value, &mut found);
    let lines: Vec<&[u8]> = value
        .split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| is_long_enough(line))
        .collect();
    for line in lines {
        add_escaped(line, &mut found);
    }
    found.into_iter().flat_map(pieces).collect()
}

/// Whether a value has [`MIN_CHARS`] characters.
pub(super) fn is_long_enough(value: &[u8]) -> bool {
    String::from_utf8_lossy(value)
        .chars()
        .take(MIN_CHARS)
        .count()
        == MIN_CHARS
}

fn add_escaped(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    to.insert(value.to_vec());
    to.insert(percent_encode(value, UNRESERVED).to_string().into_bytes());
    // As form bodies and query strings have it.
    let form = percent_encode(value, UNRESERVED)
        .to_string()
        .replace("%20", "+");
    to.insert(form.into_bytes());
    let Ok(text) = std::str::from_utf8(value) else {
        return;
    };
    const STYLES: [Style; 4] = [JSON, JSON_FOR_HTML, JSON_ASCII, HCL];
    for inner in STYLES {
        let once = escape(text, inner);
        // JSON in a string of JSON, or of HCL; and that in the JSON of `output` and `show`.
        for outer in STYLES {
            let twice = escape(&once, outer);
            to.insert(escape(&twice, JSON).into_bytes());
            to.insert(escape(&twice, JSON_FOR_HTML).into_bytes());
            to.insert(twice.into_bytes());
        }
        to.insert(once.into_bytes());
    }
}

/// How one writer escapes a string between quotes.
#[derive(Clone, Copy)]
struct Style {
    /// `<`, `>` and `&` as `\u003c` and so on, as Go's JSON encoder does.
    html: bool,
    /// Everything outside ASCII as `\uXXXX`.
    ascii: bool,
    /// `${` and `%{` doubled to `$${` and `%%{`.
    templates: bool,
}

const JSON: Style = Style {
    html: false,
    ascii: false,
    templates: false,
};
const JSON_FOR_HTML: Style = Style { html: true, ..JSON };
const JSON_ASCII: Style = Style {
    ascii: true,
    ..JSON
};
const HCL: Style = Style {
    templates: true,
    ..JSON
};

fn escape(text: &str, style: Style) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => escaped.push_str("\\\""),
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            '\t' => escaped.push_str("\\t"),
            '$' | '%' if style.templates && rest.peek() == Some(&'{') => {
                escaped.push(c);
                escaped.push(c);
            }
            '\u{8}' if !style.templates => escaped.push_str("\\b"),
            '\u{c}' if !style.templates => escaped.push_str("\\f"),
            '<' | '>' | '&' if style.html => push_unicode(c, &mut escaped),
            '\u{2028}' | '\u{2029}' if style.html => push_unicode(c, &mut escaped),
            c if c < ' ' || (style.ascii && !c.is_ascii()) => push_unicode(c, &mut escaped),
            c => escaped.push(c),
        }
    }
    escaped
}

fn push_unicode(c: char, to: &mut String) {
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        // Writing to a String cannot fail.
        let _ = write!(to, "\\u{unit:04x}");
    }
}

/// The part of the base64 text that is the same whatever stands before and after the value, for each
/// of the three places in a group of three bytes where the value may begin.
fn add_base64(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(value);
        // A base64 character holds six bits: those that also hold bits of a neighbour are left out.
        let first = (before * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            to.insert(engine.encode(&padded).as_bytes()[first..last].to_vec());
        }
    }
}

/// A pattern, cut where it is longer than [`MAX_PATTERN_BYTES`].
fn pieces(pattern: Vec<u8>) -> Vec<Vec<u8>> {
    if pattern.len() <= MAX_PATTERN_BYTES {
        return vec![pattern];
    }
    let count = pattern.len().div_ceil(MAX_PATTERN_BYTES);
    // Equal pieces, so that the last is not a stub that would match anything.
    let size = pattern.len().div_ceil(count);
    pattern.chunks(size).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(value: &str, form: &str) {
        let patterns = patterns(value.as_bytes());
        assert!(
            patterns.contains(form.as_bytes()),
            "{form} is no pattern of {value}: {:?}",
            patterns
                .iter()
                .map(|p| String::from_utf8_lossy(p))
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn every_named_form_of_a_value_is_a_pattern() {
        let value = "p\"a\\s s&w${d}é";
        has(value, value);
        has(value, "p\\\"a\\\\s s&w${d}é");
        has(value, "p\\\"a\\\\s s\\u0026w${d}é");
        has(value, "p\\\"a\\\\s s&w${d}\\u00e9");
        has(value, "p\\\"a\\\\s s&w$${d}é");
        has(value, "p%22a%5Cs%20s%26w%24%7Bd%7D%C3%A9");
        has(value, "p%22a%5Cs+s%26w%24%7Bd%7D%C3%A9");
    }

    #[test]
    fn json_within_json_is_a_pattern() {
        let value = "p\"a&s\\s";
        has(value, "p\\\\\\\"a&s\\\\\\\\s");
        has(value, "p\\\\\\\"a\\\\u0026s\\\\\\\\s");
        let thrice = |text: &str| (0..3).fold(text.to_owned(), |it, _| escape(&it, JSON_FOR_HTML));
        has(value, &thrice(value));
    }

    #[test]
    fn base64_is_found_at_each_alignment() {
        let value = b"correct horse";
        for before in 0..3 {
            for after in 0..3 {
                let mut whole = vec![b'x'; before];
                whole.extend_from_slice(value);
                whole.extend(vec![b'y'; after]);
                let text = STANDARD_NO_PAD.encode(&whole);
                assert!(
                    patterns(value)
                        .iter()
                        .any(|p| p.len() >= 16 && text.contains(&*String::from_utf8_lossy(p))),
                    "{before} before, {after} after"
                );
            }
        }
    }

    #[test]
    fn each_line_of_a_value_is_a_pattern_without_its_indentation() {
        has("-----BEGIN-----\n  abcdefgh\r\nxyz\n", "abcdefgh");
        assert!(!patterns(b"-----BEGIN-----\n  abcdefgh\r\nxyz\n").contains(b"xyz".as_slice()));
    }

    #[test]
    fn a_value_shorter_than_six_characters_has_no_patterns() {
        assert!(patterns(b"12345").is_empty());
        assert!(patterns("ééééé".as_bytes()).is_empty());
        assert!(!patterns("éééééé".as_bytes()).is_empty());
    }

    #[test]
    fn no_pattern_is_longer_than_the_bound_and_none_is_a_stub() {
        let value: Vec<u8> = (0..MAX_PATTERN_BYTES + 1)
            .map(|i| b'a' + (i % 26) as u8)
            .collect();
        for pattern in patterns(&value) {
            assert!((MIN_CHARS..=MAX_PATTERN_BYTES).contains(&pattern.len()));
        }
    }
}
