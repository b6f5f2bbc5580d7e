//! The forms in which a value may appear in output.

pub(super) mod base64_hex;
pub(super) mod escaping;
#[cfg(test)]
pub(super) mod spellings;

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use unicode_normalization::UnicodeNormalization;

use self::base64_hex::{Encodings, add_encoded};
use self::escaping::{HCL, JSON, JSON_ASCII, JSON_FOR_HTML, JSON_OF_PHP, Style, escape};
use super::secret::{Scope, Secret};

/// Shortest value that is masked, in characters: shorter ones would mask ordinary words.
pub(super) const MIN_CHARS: usize = 6;
/// Longest pattern that is compared byte by byte, and the distance to the next pattern in a longer value.
const EXACT_BYTES: usize = 64;
const EXACT_STRIDE: usize = 48;

/// Returns every pattern to search for because of one secret, and its scope.
///
/// Empty for a value shorter than [`MIN_CHARS`]. A word with a narrower scope has no other forms than itself and
/// base64; for a common word, base64 of it with the `:` before it, as in the header of a password. A document is
/// searched for as a whole: the secrets in it are separate secrets.
pub(super) fn patterns(secret: &Secret<'_>, encodings: Encodings) -> Vec<(Vec<u8>, Scope)> {
    let value = secret.value.as_ref();
    if !is_long_enough(value) {
        return Vec::new();
    }
    let mut anywhere = BTreeSet::new();
    match secret.scope {
        Scope::Anywhere => {
            for value in normal_forms(value) {
                for value in with_and_without_margin(&value) {
                    anywhere.append(&mut forms(value, encodings));
                }
                add_lines(&value, &mut anywhere);
            }
            for meant in with_line_ends(value) {
                anywhere.append(&mut forms(&meant, encodings));
                add_lines(&meant, &mut anywhere);
            }
        }
        Scope::Whole => {
            for value in with_and_without_margin(value) {
                add_encoded(value, encodings, &mut anywhere);
            }
        }
        Scope::Word => add_encoded(value, encodings, &mut anywhere),
        Scope::Place => add_encoded(&[b":", value].concat(), encodings, &mut anywhere),
    }
    let mut patterns: Vec<_> = anywhere
        .into_iter()
        .map(|it| (it, Scope::Anywhere))
        .collect();
    if secret.scope != Scope::Anywhere {
        let values = with_and_without_margin(value);
        patterns.extend(values.map(|value| (value.to_vec(), secret.scope)));
    }
    patterns
}

/// Returns a value unchanged, in hex, in base64 at each of the three alignments, and encoded in base64 again. The
/// search itself handles escapes and wrapping.
fn forms(value: &[u8], encodings: Encodings) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    add_plain(value, &mut found);
    add_encoded(value, encodings, &mut found);
    // `base64encode(jsonencode(…))`, as in the credentials of a container registry.
    if let Ok(text) = std::str::from_utf8(value) {
        for style in [JSON, JSON_FOR_HTML, JSON_ASCII, JSON_OF_PHP] {
            let escaped = escape(text, style);
            if escaped.as_bytes() != value {
                add_encoded(escaped.as_bytes(), Encodings::Common, &mut found);
            }
        }
    }
    found
}

/// Returns a value unchanged, in the Unicode normal forms NFC and NFD (both tools print NFC for either input), in
/// Latin-1, and, if it is not UTF-8, as the tools print it.
fn normal_forms(value: &[u8]) -> BTreeSet<Cow<'_, [u8]>> {
    let mut found = BTreeSet::from([Cow::Borrowed(value)]);
    let owned = |text: String| Cow::Owned(text.into_bytes());
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_ascii() => {
            found.insert(owned(text.nfc().collect()));
            found.insert(owned(text.nfd().collect()));
            for text in [text.nfc().collect::<String>(), text.to_owned()] {
                let latin1: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c).ok()).collect();
                if let Some(latin1) = latin1 {
                    // With `-json`, the tools print these bytes as what is not UTF-8.
                    found.insert(owned(with_replacement_characters(&latin1)));
                    found.insert(Cow::Owned(latin1));
                }
            }
        }
        Ok(_) => {}
        Err(_) => {
            found.insert(owned(with_replacement_characters(value)));
            // Programs that recognize Latin-1 values print them in UTF-8.
            found.insert(owned(value.iter().copied().map(char::from).collect()));
        }
    }
    found
}

/// Returns a value as Go prints it: with U+FFFD for each byte that is not UTF-8.
fn with_replacement_characters(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// Returns a value unchanged, and without the white space at its ends, as `trimspace` and `$(cat FILE)` produce it.
fn with_and_without_margin(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let trimmed = value.trim_ascii();
    let is_other = trimmed.len() < value.len() && is_long_enough(trimmed);
    std::iter::once(value).chain(is_other.then_some(trimmed))
}

/// Adds each line of a multi-line value, since a tool indents them one by one.
fn add_lines(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    let lines = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| is_long_enough(line)) {
        add_plain(line, to);
    }
}

/// Returns a value with line ends in place of `\n`, as keys are often given in variables, and with line feeds in place
/// of the line ends of Windows.
fn with_line_ends(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let text = std::str::from_utf8(value).unwrap_or_default();
    let escaped = text
        .contains("\\n")
        .then(|| text.replace("\\r", "").replace("\\n", "\n"));
    let of_windows = text.contains("\r\n").then(|| text.replace("\r\n", "\n"));
    escaped
        .into_iter()
        .chain(of_windows)
        .map(String::into_bytes)
}

/// Returns whether a value has [`MIN_CHARS`] characters.
pub(super) fn is_long_enough(value: &[u8]) -> bool {
    String::from_utf8_lossy(value)
        .chars()
        .take(MIN_CHARS)
        .count()
        == MIN_CHARS
}

/// Adds a value unchanged, with template markers doubled, as in HCL, and with either or both quotes doubled, as in
/// YAML, SQL and CSV.
fn add_plain(value: &[u8], to: &mut BTreeSet<Vec<u8>>) {
    to.insert(value.to_vec());
    if let Ok(text) = std::str::from_utf8(value) {
        to.insert(text.replace("${", "$${").replace("%{", "%%{").into_bytes());
        to.insert(text.replace('\'', "''").into_bytes());
        let doubled = text.replace('"', "\"\"");
        to.insert(doubled.replace('\'', "''").into_bytes());
        to.insert(doubled.into_bytes());
    }
}

/// Longest pattern of a document, in bytes; a longer one is split into pieces of this length.
const WHOLE_BYTES: usize = 8 * 1024;

/// Returns the forms of a document that is compared byte by byte.
pub(super) fn whole_forms(value: &[u8]) -> Vec<Vec<u8>> {
    escaped_forms(value)
        .into_iter()
        .flat_map(|it| pieces(&it, WHOLE_BYTES, WHOLE_BYTES / 4 * 3))
        .collect()
}

/// Returns the forms of a value of which too little text would be left in the search for all spellings, such as
/// white space and backslashes. Each is escaped as a whole, and compared byte by byte.
pub(super) fn exact_forms(value: &[u8]) -> Vec<Vec<u8>> {
    escaped_forms(value)
        .into_iter()
        .filter(|it| is_long_enough(it))
        .flat_map(|it| pieces(&it, EXACT_BYTES, EXACT_STRIDE))
        .collect()
}

fn escaped_forms(value: &[u8]) -> BTreeSet<Vec<u8>> {
    const STYLES: [Style; 4] = [JSON, JSON_FOR_HTML, JSON_ASCII, HCL];
    let mut found = BTreeSet::from([value.to_vec()]);
    let encoded = percent_encode(value, NON_ALPHANUMERIC);
    found.insert(encoded.to_string().into_bytes());
    if let Ok(text) = std::str::from_utf8(value) {
        for inner in STYLES {
            let once = escape(text, inner);
            for outer in STYLES {
                found.insert(escape(&once, outer).into_bytes());
            }
            found.insert(once.into_bytes());
        }
    }
    found
}

/// Splits a long pattern into overlapping pieces.
fn pieces(pattern: &[u8], bytes: usize, stride: usize) -> Vec<Vec<u8>> {
    let Some(last) = pattern.len().checked_sub(bytes) else {
        return vec![pattern.to_vec()];
    };
    let starts = (0..last).step_by(stride).chain([last]);
    starts
        .map(|start| pattern[start..start + bytes].to_vec())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn both_normal_forms_of_a_value_are_patterns() {
        for value in ["caf\u{e9} au lait", "cafe\u{301} au lait"] {
            let patterns = patterns(&Secret::anywhere(value.as_bytes()), Encodings::All);
            for form in ["caf\u{e9} au lait", "cafe\u{301} au lait"] {
                assert!(
                    patterns.iter().any(|(it, _)| it == form.as_bytes()),
                    "{value}"
                );
            }
        }
    }

    #[test]
    fn a_value_in_latin_1_is_masked_as_tools_print_it() {
        let latin1 = b"geheim\xe4\xf6\xffwort";
        let table: [(&[u8], &[u8]); 6] = [
            (latin1, "geheim\u{fffd}\u{fffd}\u{fffd}wort".as_bytes()),
            (latin1, "geheim\u{e4}\u{f6}\u{ff}wort".as_bytes()),
            ("geheim\u{e4}wort".as_bytes(), b"geheim\xe4wort"),
            ("geheima\u{308}wort".as_bytes(), b"geheim\xe4wort"),
            (
                "geheim\u{e4}\u{f6}wort".as_bytes(),
                "geheim\u{fffd}\u{fffd}wort".as_bytes(),
            ),
            (b"\xf0\x90secret", "\u{fffd}\u{fffd}secret".as_bytes()),
        ];
        for (value, printed) in table {
            let patterns = patterns(&Secret::anywhere(value), Encodings::All);
            let is_found = patterns.iter().any(|(it, _)| it == printed);
            assert!(is_found, "{}", printed.escape_ascii());
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
    fn no_exact_pattern_is_longer_than_the_bound_and_none_is_a_stub() {
        let value: Vec<u8> = (0..EXACT_BYTES + 1)
            .map(|i| b'a' + (i % 26) as u8)
            .collect();
        for pattern in exact_forms(&value) {
            assert!((MIN_CHARS..=EXACT_BYTES).contains(&pattern.len()));
        }
    }
}
