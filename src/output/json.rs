//! Masks JSON so that the result is still JSON.
//!
//! Outside of strings, a number that contains a secret becomes the string `"***"`, and quotes, braces and commas
//! stay. Within a string, no escape is cut in two. Lines that are not JSON, such as warnings, are masked like other
//! text.

use memchr::{memchr, memchr3};

/// Longest number that is held back until it is complete, in bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// A position in the syntax of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonPosition {
    /// At the start of a line.
    LineStart,
    /// In a line that is not JSON.
    Text,
    /// Between strings.
    Outside,
    /// In a string.
    InString,
}

/// A range to mask, and its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MaskedRange {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether the mask has to be a string literal.
    pub(super) is_quoted: bool,
}

/// The masks of a text up to where they are certain, and the syntactic position there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fitted {
    pub(super) masks: Vec<MaskedRange>,
    pub(super) certain: usize,
    pub(super) place: JsonPosition,
}

/// Fits the ranges to mask into the JSON of a text that begins at `place`; with `whole`, no text follows.
pub(super) fn fit_into_json(
    place: JsonPosition,
    text: &[u8],
    ranges: &[(usize, usize)],
    certain: usize,
    whole: bool,
) -> Fitted {
    let mut fitting = Fitting {
        ranges,
        masks: Vec::new(),
        last_range: None,
    };
    let mut place = place;
    let mut at = 0;
    let mut certain = certain;
    while at < certain {
        let byte = text[at];
        match place {
            JsonPosition::LineStart => match byte {
                b'{' | b'}' | b'[' | b']' | b'"' | b',' | b'-' | b'0'..=b'9' => {
                    place = JsonPosition::Outside;
                }
                _ if byte.is_ascii_whitespace() => at += 1,
                _ => place = JsonPosition::Text,
            },
            JsonPosition::Text => {
                let line = memchr(b'\n', &text[at..certain]).map_or(certain, |it| at + it + 1);
                fitting.add(at, line);
                (at, place) = match fitting.covering(line - 1, line) {
                    // A value continues across line ends.
                    Some(range) if ranges[range].1 > line => {
                        let end = ranges[range].1.min(certain);
                        fitting.push_of(range, line, end);
                        (end, JsonPosition::Text)
                    }
                    _ if text[line - 1] == b'\n' => (line, JsonPosition::LineStart),
                    _ => (line, JsonPosition::Text),
                };
            }
            JsonPosition::Outside => match byte {
                b'\n' => (at, place) = (at + 1, JsonPosition::LineStart),
                b'"' => (at, place) = (at + 1, JsonPosition::InString),
                _ if is_of_token(byte) => {
                    let token = text[at..].iter().take(MAX_TOKEN_BYTES);
                    let end = at + token.take_while(|it| is_of_token(**it)).count();
                    if end - at == MAX_TOKEN_BYTES {
                        place = JsonPosition::Text;
                    } else if end > certain || (end == text.len() && !whole) {
                        certain = at;
                    } else {
                        if !is_number(&text[at..end]) {
                            fitting.add(at, end);
                        } else if fitting.covering(at, end).is_some() {
                            fitting.push(at, end, true);
                        }
                        at = end;
                    }
                }
                _ => at += 1,
            },
            JsonPosition::InString => match byte {
                b'\n' => (at, place) = (at + 1, JsonPosition::LineStart),
                b'"' => (at, place) = (at + 1, JsonPosition::Outside),
                b'\\' => match escape_len(&text[at..], whole) {
                    Some(len) if at + len <= certain => {
                        if fitting.covering(at, at + len).is_some() {
                            fitting.push(at, at + len, false);
                        }
                        at += len;
                    }
                    _ => certain = at,
                },
                _ => {
                    let end = memchr3(b'"', b'\\', b'\n', &text[at..certain]);
                    let end = end.map_or(certain, |it| at + it);
                    fitting.add(at, end);
                    at = end;
                }
            },
        }
    }
    Fitted {
        masks: fitting.masks,
        certain,
        place,
    }
}

struct Fitting<'a> {
    ranges: &'a [(usize, usize)],
    masks: Vec<MaskedRange>,
    /// The range of the last mask.
    last_range: Option<usize>,
}

impl Fitting<'_> {
    /// Returns the range that covers any byte between two positions.
    fn covering(&self, from: usize, to: usize) -> Option<usize> {
        if from >= to {
            return None;
        }
        let first = self.ranges.partition_point(|it| it.1 <= from);
        let range = self.ranges.get(first)?;
        (range.0 < to).then_some(first)
    }

    /// Masks the parts of ranges between two positions.
    fn add(&mut self, from: usize, to: usize) {
        let mut at = from;
        while let Some(range) = self.covering(at, to) {
            let (start, end) = self.ranges[range];
            self.push_of(range, start.max(at), end.min(to));
            at = end;
        }
    }

    fn push(&mut self, from: usize, to: usize, is_quoted: bool) {
        if is_quoted {
            self.last_range = None;
            self.masks.push(MaskedRange {
                start: from,
                end: to,
                is_quoted,
            });
        } else if let Some(range) = self.covering(from, to) {
            self.push_of(range, from, to);
        }
    }

    /// Adds a mask, or extends the last one if it belongs to the same range.
    fn push_of(&mut self, range: usize, start: usize, end: usize) {
        let is_same = self.last_range == Some(range);
        self.last_range = Some(range);
        match self.masks.last_mut() {
            Some(last) if is_same && last.end == start => last.end = end,
            _ => self.masks.push(MaskedRange {
                start,
                end,
                is_quoted: false,
            }),
        }
    }
}

const fn is_of_token(byte: u8) -> bool {
    !matches!(
        byte,
        b'{' | b'}' | b'[' | b']' | b'"' | b',' | b':' | b' ' | b'\t' | b'\r' | b'\n'
    )
}

fn is_number(token: &[u8]) -> bool {
    let is_of_number = |it: &u8| it.is_ascii_digit() || b"+-.eE".contains(it);
    matches!(token, b"true" | b"false" | b"null") || token.iter().all(is_of_number)
}

/// Returns the length of the escape at the start of a text; `None` if its end is still missing.
fn escape_len(text: &[u8], whole: bool) -> Option<usize> {
    let len = if text.get(1) == Some(&b'u') { 6 } else { 2 };
    if text.len() >= len {
        Some(len)
    } else {
        whole.then_some(text.len())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::output::{Matcher, Redactor};

    /// Masks a text as JSON, whole and in pieces of each size.
    fn masked(secrets: &[&str], text: &str) -> String {
        let matcher = Arc::new(Matcher::new(secrets.iter().map(|it| it.as_bytes())));
        let in_pieces = |size: usize| {
            let mut redactor = Redactor::of_json(Arc::clone(&matcher));
            let mut masked = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                redactor.push(piece, &mut masked);
            }
            redactor.finish(&mut masked);
            String::from_utf8(masked).unwrap()
        };
        let whole = in_pieces(text.len());
        for size in 1..9 {
            assert_eq!(in_pieces(size), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn json_stays_json() {
        let table: [(&[&str], &str, &str); 12] = [
            (&["123456"], r#"{"a":123456}"#, r#"{"a":"***"}"#),
            (
                &["123456"],
                r#"{"a":12345690,"b":1}"#,
                r#"{"a":"***","b":1}"#,
            ),
            (
                &["123456"],
                "[\n  -0.1234561e+5,\n  2\n]\n",
                "[\n  \"***\",\n  2\n]\n",
            ),
            (&["123456"], r#"{"a":"x123456y"}"#, r#"{"a":"x***y"}"#),
            (&["123456"], r#"{"123456":"b"}"#, r#"{"***":"b"}"#),
            (&["123456"], "123456\n", "\"***\"\n"),
            (&["nabcdef"], r#"{"a":"x\nabcdef"}"#, r#"{"a":"x***"}"#),
            (&["u00e9abc"], r#"{"a":"x\u00e9abc"}"#, r#"{"a":"x***"}"#),
            (&["pass\"word"], r#"{"a":"pass\"word"}"#, r#"{"a":"***"}"#),
            (
                &[r#"{"a":"b","c":123}"#],
                r#"{"x":{"a":"b","c":123}}"#,
                r#"{"x":{"***":"***","***":"***"}}"#,
            ),
            (
                &["correct horse", "123456"],
                "Warning: correct\n  horse, \"123456\n{\"a\":123456}\n",
                "Warning: ***, \"***\n{\"a\":\"***\"}\n",
            ),
            (&["123456"], "│ 123456 it \"is\n", "│ *** it \"is\n"),
        ];
        for (secrets, text, expected) in table {
            assert_eq!(masked(secrets, text), expected, "{text}");
        }
    }

    #[test]
    fn text_without_a_secret_is_unchanged() {
        for text in [
            "{\"a\":[1,2.5e3,true,null,\"x\\\"\\u00e9\"]}\n",
            "Error: \"quote\nmore\n{\"a\":1}\n",
            "\"unfinished \\",
            "12345678",
        ] {
            assert_eq!(masked(&["nothing-here"], text), text);
        }
    }
}
