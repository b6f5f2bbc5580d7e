//! The forms in which a value may turn up in output.

use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};

use super::encodings::{Encodings, add_encoded};
use super::escaping::{HCL, JSON, JSON_ASCII, JSON_FOR_HTML, Style, escape};
use super::secret::{Scope, Secret};

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

/// What RFC 3986 lets stand in a user info besides, with `:` escaped.
const USER_INFO: &AsciiSet = &SUB_DELIMITERS_OF_GO
    .remove(b'!')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');
/// What Go's `url.URL` leaves as it is in a user info; both tools show their URLs by that.
const SUB_DELIMITERS_OF_GO: &AsciiSet = &UNRESERVED
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');
/// What RFC 3986 lets stand in a path.
const PATH: &AsciiSet = &USER_INFO.remove(b':').remove(b'@');
/// What the WHATWG's URL standard escapes in a user info: libraries for JavaScript, Rust and others.
const USER_INFO_OF_WHATWG: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b':')
    .add(b';')
    .add(b'=')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'|');
/// Every way of writing a value within a URL.
const IN_URLS: [&AsciiSet; 5] = [
    UNRESERVED,
    SUB_DELIMITERS_OF_GO,
    USER_INFO,
    PATH,
    USER_INFO_OF_WHATWG,
];

/// Every pattern that has to be looked for on account of one secret, and where it counts.
///
/// Nothing for a value shorter than [`MIN_CHARS`]. A word of narrower scope has no other forms than itself, and
/// base64; that of a common word with the `:` before it, as in the header of a password.
pub(super) fn patterns(secret: &Secret<'_>, encodings: Encodings) -> Vec<(Vec<u8>, Scope)> {
    let value = secret.value.as_ref();
    if !is_long_enough(value) {
        return Vec::new();
    }
    let mut anywhere = BTreeSet::new();
    match secret.scope {
        Scope::Anywhere => {
            anywhere = forms(value, encodings);
            add_lines(value, &mut anywhere);
        }
        Scope::Whole => anywhere = forms(value, encodings),
        Scope::Word => add_encoded(value, encodings, &mut anywhere),
        Scope::Place => add_encoded(&[b":", value].concat(), encodings, &mut anywhere),
    }
    let patterns = anywhere.into_iter().flat_map(pieces);
    let mut patterns: Vec<_> = patterns.map(|it| (it, Scope::Anywhere)).collect();
    if matches!(secret.scope, Scope::Word | Scope::Place) {
        patterns.push((value.to_vec(), secret.scope));
    }
    patterns
}

/// A value as it is, JSON-escaped, HCL-escaped, both of them over again, URL-encoded, in hex, in base64 at each of
/// the three alignments and that over again.
fn forms(value: &[u8], encodings: Encodings) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    add_escaped(value, &mut found);
    add_encoded(value, encodings, &mut found);
    // Without the white space at its ends, which a tool that wraps it leaves out.
    let trimmed = value.trim_ascii();
    if is_long_enough(trimmed) {
        add_escaped(trimmed, &mut found);
    }
    found
}

/// Adds each line of a value of several lines, since a tool indents them one by one.
fn add_lines(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    let lines = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| is_long_enough(line)) {
        add_escaped(line, to);
    }
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
    if value.iter().all(u8::is_ascii_alphanumeric) {
        return;
    }
    for set in IN_URLS {
        to.insert(percent_encode(value, set).to_string().into_bytes());
    }
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
        let patterns = forms(value.as_bytes(), Encodings::All);
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
    fn each_way_of_a_url_library_is_a_pattern() {
        // Go, RFC 3986, a path, the WHATWG.
        let value = "p@ss+w/rd!";
        has(value, "p%40ss+w%2Frd%21");
        has(value, "p%40ss+w%2Frd!");
        has(value, "p@ss+w%2Frd!");
        has("p@ss%w|rd=\"", "p%40ss%w%7Crd%3D%22");
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
    fn each_line_of_a_value_is_a_pattern_without_its_indentation() {
        let value = b"-----BEGIN-----\n  abcdefgh\r\nxyz\n";
        for (scope, has_lines) in [(Scope::Anywhere, true), (Scope::Whole, false)] {
            let value = value.as_slice().into();
            let patterns = patterns(&Secret { value, scope }, Encodings::All);
            let has = |line: &str| patterns.iter().any(|(it, _)| it == line.as_bytes());
            assert_eq!(has("abcdefgh"), has_lines, "{scope:?}");
            assert!(!has("xyz"), "{scope:?}");
        }
    }

    #[test]
    fn a_value_shorter_than_six_characters_has_no_patterns() {
        let table = [("12345", 0), ("ééééé", 0), ("éééééé", 1)];
        for (value, least) in table {
            let found = patterns(&Secret::anywhere(value.as_bytes()), Encodings::All).len();
            assert_eq!(found.min(1), least, "{value}");
        }
    }

    #[test]
    fn no_pattern_is_longer_than_the_bound_and_none_is_a_stub() {
        let value: Vec<u8> = (0..MAX_PATTERN_BYTES + 1)
            .map(|i| b'a' + (i % 26) as u8)
            .collect();
        for (pattern, _) in patterns(&Secret::anywhere(value), Encodings::All) {
            assert!((MIN_CHARS..=MAX_PATTERN_BYTES).contains(&pattern.len()));
        }
    }
}
